import { listArchived } from '../../../admin/compaction/list.ts'
import { printable } from '../../../core/printable.ts'
import type { StoredDataset } from '../../../ria/layout/stored-dataset.ts'
import type { Console } from '../../console.ts'

/**
 * `riastore archive --list`: a line for each key, `<bytes> <key>`, with marks when it was dropped
 * or is misplaced; with `heading` below the dataset's name.
 */
export async function listDataset(
  console: Console,
  dataset: StoredDataset,
  json: boolean,
  heading: boolean,
): Promise<boolean> {
  if (heading && !json) console.print(`${printable(dataset.name)}:`)
  for await (const member of listArchived(dataset, { signal: console.signal })) {
    const { name, key, size, dropped, misplaced } = member
    const marks = [...(dropped ? ['  (dropped)'] : []), ...(misplaced ? ['  (misplaced)'] : [])].join('')
    if (json) console.print(JSON.stringify({ dataset: dataset.name, key, name, size, dropped, misplaced }))
    else console.print(`${String(size).padStart(12)}  ${printable(misplaced ? name : (key ?? name))}${marks}`)
  }
  return true
}
