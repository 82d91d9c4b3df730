import { compact } from '../../admin/compaction/compact.ts'
import { packNew } from '../../admin/compaction/pack-new.ts'
import { putKeys } from '../../bulk/put.ts'
import type { Pack } from '../../bulk/put-options.ts'
import { bulkSettings } from '../bulk/options.ts'
import { runBulk } from '../bulk/run.ts'
import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { parseSize } from '../quantities.ts'
import type { PUT } from '../table/bulk.ts'

type Args = ArgsOf<typeof PUT>

/** `riastore put` */
export function run(console: Console, args: Args): Promise<number> {
  return runBulk(console, args, { past: 'put', present: 'would put' }, async (clone, selection, events) => {
    const { put, ...report } = await putKeys(clone, {
      ...bulkSettings(console, args),
      selection,
      to: args.to,
      archiveBelow: archiveBelow(args),
      pack: packing(events.onNote),
      events,
    })
    return { moved: put, ...report }
  })
}

function archiveBelow(args: Args): number | undefined {
  const size = args.archiveBelow
  if (size === undefined) return args.archive ? parseSize('archive-below', '1M') : undefined
  return parseSize('archive-below', size)
}

function packing(onNote: ((text: string) => void) | undefined): Pack {
  return {
    intoNew: packNew,
    intoOld: async (dataset, { signal }) => {
      const { problems } = await compact(dataset, { signal, leavesLoose: true })
      for (const problem of problems) onNote?.(problem)
    },
  }
}
