import { getKeys } from '../../bulk/get.ts'
import { bulkSettings } from '../bulk/options.ts'
import { runBulk } from '../bulk/run.ts'
import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import type { GET } from '../table/bulk.ts'

/** `riastore get` */
export function run(console: Console, args: ArgsOf<typeof GET>): Promise<number> {
  return runBulk(console, args, { past: 'got', present: 'would get' }, async (clone, selection, events) => {
    const { got, ...report } = await getKeys(clone, {
      ...bulkSettings(console, args),
      selection,
      from: args.from,
      events,
    })
    return { moved: got, ...report }
  })
}
