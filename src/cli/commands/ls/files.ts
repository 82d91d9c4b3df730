import { type FileFacts, filesAt, openRevision } from '../../../admin/inventory/files.ts'
import { StoredKeys } from '../../../admin/inventory/stored-keys.ts'
import { cacheDirectory } from '../../../core/cache-directory.ts'
import { printable } from '../../../core/printable.ts'
import { findDataset } from '../../../ria/layout/datasets.ts'
import type { Store } from '../../../store/store.ts'
import type { Console } from '../../console.ts'
import { EXIT } from '../../exit-codes.ts'
import { formatSize } from '../../quantities.ts'

export interface FilesArgs {
  readonly long: boolean | undefined
  readonly recursive: boolean | undefined
  readonly at: string | undefined
}

/** The files of a dataset, a line each. */
export async function listFiles(
  console: Console,
  store: Store,
  name: string,
  paths: readonly string[],
  { long = false, recursive = false, at }: FilesArgs,
): Promise<number> {
  const call = { signal: console.signal }
  const dataset = await findDataset(store, name, call)
  const keys = await StoredKeys.open(dataset, cacheDirectory(), call)
  let [files, bytes, absent] = [0, 0, 0]
  try {
    const revision = await openRevision(dataset, at, call)
    for await (const file of filesAt(dataset, revision, keys, { paths, recursive, ...call })) {
      files += 1
      bytes += file.size ?? 0
      if (file.present === false) absent += 1
      const { path, kind, key, size, present, problem } = file
      console.show({ type: 'file', action: 'ls', dataset: dataset.name, path, kind, key, size, present, problem }, () =>
        line(file, long),
      )
      if (problem !== undefined) console.complain(`${path}: ${problem}`)
    }
  } finally {
    await keys.close()
  }
  console.emit({ type: 'summary', action: 'ls', files, bytes, absent })
  return EXIT.done
}

function line({ path, kind, key, size, present, problem }: FileFacts, long: boolean): string {
  const mark = problem !== undefined ? '?' : present === undefined ? ' ' : present ? '+' : '-'
  const length = size === undefined ? '' : formatSize(size)
  const end = kind === 'directory' ? '/' : kind === 'subdataset' ? '  (subdataset)' : ''
  const shown = long && key !== undefined ? `  ${key}` : ''
  return `${mark} ${length.padStart(11)}  ${printable(`${path}${end}${shown}`)}`
}
