import { giveBack } from '../../../admin/holes/give-back.ts'
import { printable } from '../../../core/printable.ts'
import type { StoredDataset } from '../../../ria/layout/stored-dataset.ts'
import type { Console } from '../../console.ts'
import type { DatasetNames } from '../../dataset-names.ts'
import { EXIT } from '../../exit-codes.ts'
import { formatSize } from '../../quantities.ts'

/** `riastore archive --in-place` */
export async function giveBackInPlace(
  console: Console,
  dataset: StoredDataset,
  names: DatasetNames,
  options: { readonly dryRun?: boolean | undefined; readonly breakLock?: boolean | undefined },
): Promise<number> {
  const { signal } = console
  const { bytes, freed } = await giveBack(dataset, { ...options, signal })
  const { directory } = dataset
  const dryRun = options.dryRun === true
  console.report({ type: 'dataset', action: 'archive', ...names, directory, dryRun, droppedBytes: bytes, freed }, () =>
    dryRun
      ? `${printable(dataset.name)}: would give back up to ${formatSize(bytes)} of dropped keys`
      : `${printable(dataset.name)}: dropped keys gave ${formatSize(freed)} back`,
  )
  return EXIT.done
}
