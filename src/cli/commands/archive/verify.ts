import { type VerifyReport, verifyArchive } from '../../../admin/compaction/verify.ts'
import { printable } from '../../../core/printable.ts'
import type { StoredDataset } from '../../../ria/layout/stored-dataset.ts'
import type { Console } from '../../console.ts'
import type { DatasetNames } from '../../dataset-names.ts'
import { EXIT } from '../../exit-codes.ts'
import { formatSize } from '../../quantities.ts'
import { counted } from '../../tables.ts'

/** `riastore archive --verify`. Problems: a member is bad, or lies where no client finds it. */
export async function verifyDataset(console: Console, dataset: StoredDataset, names: DatasetNames): Promise<number> {
  const report = await verifyArchive(dataset, {
    signal: console.signal,
    onProgress: ({ done, total }) =>
      console.progress.show({ label: `${dataset.name} verifying`, done, total, unit: 'keys' }),
  })
  console.progress.clear()
  const found = report ?? { members: 0, bytes: 0, bad: [], misplaced: [] }
  console.show(
    { type: 'dataset', action: 'verify', ...names, archive: report !== undefined, ...found },
    () => `${printable(dataset.name)}: ${report === undefined ? 'no archive' : summarize(report)}`,
  )
  for (const [check, faults] of Object.entries({ content: found.bad, place: found.misplaced })) {
    for (const { name, reason } of faults) {
      console.emit({ type: 'finding', ...names, check, result: 'unsafe', why: reason, name })
      console.complain(`${dataset.name}: ${name}: ${reason}`)
    }
  }
  return found.bad.length + found.misplaced.length === 0 ? EXIT.done : EXIT.problems
}

function summarize({ members, bytes, bad, misplaced }: VerifyReport): string {
  const faults = [
    ...(bad.length > 0 ? [`${bad.length} bad`] : []),
    ...(misplaced.length > 0 ? [`${misplaced.length} where no client looks`] : []),
  ]
  return `${counted(members, 'member')}, ${formatSize(bytes)}: ${faults.join(', ') || 'all good'}`
}
