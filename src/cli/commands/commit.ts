import { resolve } from 'node:path'
import { openClone } from '../../bulk/clone/clone.ts'
import { commitClone } from '../../bulk/commit/commit.ts'
import { bulkOutput } from '../bulk/output.ts'
import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { EXIT } from '../exit-codes.ts'
import { limitsOf } from '../limits.ts'
import { requestLog } from '../process-terminal.ts'
import { formatSize } from '../quantities.ts'
import type { COMMIT } from '../table/commit.ts'
import { counted } from '../tables.ts'

type Args = ArgsOf<typeof COMMIT>

/** `riastore commit` */
export async function run(console: Console, args: Args): Promise<number> {
  const clone = await openClone(resolve(args.clone ?? '.'))
  const dryRun = args.dryRun === true
  const { how, ...report } = await commitClone(clone, {
    ...limitsOf(args),
    message: args.message,
    remote: args.remote,
    to: args.to,
    dryRun,
    archiveBelow: undefined,
    pack: undefined,
    events: bulkOutput(console, { past: 'put', present: 'would put' }).events,
    signal: console.signal,
    log: requestLog(),
  })
  console.progress.clear()
  const { files, keys, bytes, commit, branch } = report
  const sentence = () => {
    if (dryRun) return `would commit ${counted(files, 'file')}`
    const with_ = how === 'moved' || how === 'merged' ? ', with what others committed' : ''
    const made = files === 0 ? 'nothing to commit' : `committed ${counted(files, 'file')}`
    return `${made}; put ${counted(keys, 'key')}, ${formatSize(bytes)}; ${branch} is at ${commit?.slice(0, 12)}${with_}`
  }
  console.report({ type: 'commit', dryRun, ...report }, sentence)
  return EXIT.done
}
