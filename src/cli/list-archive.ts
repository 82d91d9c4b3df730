import { listArchived } from '../ria/compaction/list.ts'
import type { StoredDataset } from '../ria/store-datasets.ts'
import type { Store } from '../store/store.ts'
import type { Console } from './console.ts'

/** `riastore archive --list`: a line for each key, `<bytes> <key>`, with a mark when it was dropped; with `heading` below the dataset's name. */
export async function listDataset(
  console: Console,
  store: Store,
  dataset: StoredDataset,
  json: boolean,
  heading: boolean,
): Promise<boolean> {
  if (heading && !json) console.print(`${dataset.name}:`)
  for await (const { name, key, size, dropped } of listArchived(store, dataset.directory, { signal: console.signal })) {
    if (json) console.print(JSON.stringify({ dataset: dataset.name, key, name, size, dropped }))
    else console.print(`${String(size).padStart(12)}  ${key ?? name}${dropped ? '  (dropped)' : ''}`)
  }
  return true
}
