import { listArchived } from '../../../admin/compaction/list.ts'
import { printable } from '../../../core/printable.ts'
import type { StoredDataset } from '../../../ria/layout/stored-dataset.ts'
import type { Console } from '../../console.ts'
import type { DatasetNames } from '../../dataset-names.ts'
import { EXIT } from '../../exit-codes.ts'

/**
 * `riastore archive --list`: a line for each key, `<bytes> <key>`, with marks when it was dropped
 * or is misplaced; with `heading` below the dataset's name.
 */
export async function listDataset(
  console: Console,
  dataset: StoredDataset,
  names: DatasetNames,
  heading: boolean,
): Promise<number> {
  if (heading) console.print(`${printable(dataset.name)}:`)
  for await (const member of listArchived(dataset, { signal: console.signal })) {
    const { name, key, size, dropped, misplaced } = member
    const marks = [...(dropped ? ['  (dropped)'] : []), ...(misplaced ? ['  (misplaced)'] : [])].join('')
    console.show(
      { type: 'key', ...names, key, name, size, dropped, misplaced },
      () => `${String(size).padStart(12)}  ${printable(misplaced ? name : (key ?? name))}${marks}`,
    )
  }
  return EXIT.done
}
