import { type UnarchiveReport, unarchive } from '../../admin/compaction/unarchive.ts'
import { printable } from '../../core/printable.ts'
import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { forEachDataset, type Question } from '../each-dataset.ts'
import { EXIT } from '../exit-codes.ts'
import { formatSize } from '../quantities.ts'
import type { UNARCHIVE } from '../table/unarchive.ts'
import { counted, usageTable } from '../tables.ts'

/** `riastore unarchive` */
export async function run(console: Console, args: ArgsOf<typeof UNARCHIVE>): Promise<number> {
  const options = { dryRun: args.dryRun, breakLock: args.breakLock, signal: console.signal }
  const ask: Question = (which, store) => `Unpack the archives of ${which} in ${store}?`
  const question = args.yes || args.dryRun ? undefined : ask
  const action = 'unarchive'
  return forEachDataset(console, args, { action, question }, async (dataset, names) => {
    const report = await unarchive(dataset, {
      ...options,
      onProgress: ({ done, total }) =>
        console.progress.show({ label: `${dataset.name} unpacking`, done, total, unit: 'keys' }),
    })
    console.progress.clear()
    console.report({ type: 'dataset', action, ...names, archive: report !== undefined, ...report }, () =>
      report === undefined ? `${printable(dataset.name)}: no archive` : summarize(dataset.name, report),
    )
    for (const problem of report?.problems ?? []) console.complain(problem)
    return report === undefined || report.problems.length === 0 ? EXIT.done : EXIT.failed
  })
}

function summarize(name: string, { dryRun, unpacked, dropped, before, after }: UnarchiveReport): string {
  return [
    ...(dryRun ? [] : [usageTable(name, before, after)]),
    `${dryRun ? `${printable(name)}: would unpack` : 'unpacked'} ${counted(unpacked.keys, 'key')}, ${formatSize(unpacked.bytes)}` +
      (dropped > 0 ? `; ${counted(dropped, 'dropped key')} ${dryRun ? 'would go' : 'went'} with the archive` : ''),
    ...(dryRun ? [] : ['']),
  ].join('\n')
}
