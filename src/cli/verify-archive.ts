import { verifyArchive } from '../ria/compaction/verify.ts'
import type { StoredDataset } from '../ria/store-datasets.ts'
import type { Store } from '../store/store.ts'
import type { Console } from './console.ts'
import { noBar, terminalBar } from './progress.ts'
import { formatSize } from './quantities.ts'
import { counted } from './summary.ts'

/** `riastore archive --verify`. False when a member is bad. */
export async function verifyDataset(
  console: Console,
  store: Store,
  dataset: StoredDataset,
  json: boolean,
): Promise<boolean> {
  const bar = console.isTerminal && !json ? terminalBar() : noBar
  const report = await verifyArchive(store, dataset.directory, {
    signal: console.signal,
    onProgress: ({ done, total }) => bar.show(`${dataset.name} verifying`, done, total),
  }).finally(() => bar.clear())
  const { members, bytes, bad } = report ?? { members: 0, bytes: 0, bad: [] }
  if (json) console.print(JSON.stringify({ dataset: dataset.name, archive: report !== undefined, members, bytes, bad }))
  else if (report === undefined) console.print(`${dataset.name}: no archive`)
  else
    console.print(
      `${dataset.name}: ${counted(members, 'member')}, ${formatSize(bytes)}: ${bad.length === 0 ? 'all good' : `${bad.length} bad`}`,
    )
  for (const { name, reason } of bad) console.fail(`${dataset.name}: ${name}: ${reason}`)
  return bad.length === 0
}
