import { type VerifyReport, verifyArchive } from '../../../admin/compaction/verify.ts'
import { printable } from '../../../core/printable.ts'
import type { StoredDataset } from '../../../ria/layout/stored-dataset.ts'
import type { Console } from '../../console.ts'
import { noBar, terminalBar } from '../../progress.ts'
import { formatSize } from '../../quantities.ts'
import { counted } from '../../tables.ts'

/** `riastore archive --verify`. False when a member is bad, or lies where no client finds it. */
export async function verifyDataset(console: Console, dataset: StoredDataset, json: boolean): Promise<boolean> {
  const bar = console.isTerminal && !json ? terminalBar() : noBar
  const report = await verifyArchive(dataset, {
    signal: console.signal,
    onProgress: ({ done, total }) => bar.show(`${dataset.name} verifying`, done, total),
  }).finally(() => bar.clear())
  const found = report ?? { members: 0, bytes: 0, bad: [], misplaced: [] }
  if (json) console.print(JSON.stringify({ dataset: dataset.name, archive: report !== undefined, ...found }))
  else console.print(`${printable(dataset.name)}: ${report === undefined ? 'no archive' : summarize(report)}`)
  const faults = [...found.bad, ...found.misplaced]
  for (const { name, reason } of faults) console.fail(`${dataset.name}: ${name}: ${reason}`)
  return faults.length === 0
}

function summarize({ members, bytes, bad, misplaced }: VerifyReport): string {
  const faults = [
    ...(bad.length > 0 ? [`${bad.length} bad`] : []),
    ...(misplaced.length > 0 ? [`${misplaced.length} where no client looks`] : []),
  ]
  return `${counted(members, 'member')}, ${formatSize(bytes)}: ${faults.join(', ') || 'all good'}`
}
