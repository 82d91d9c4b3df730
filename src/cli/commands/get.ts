import type { Argv, CommandModule } from 'yargs'
import { openClone } from '../../bulk/clone/clone.ts'
import { getKeys } from '../../bulk/get.ts'
import { type BulkArgs, bulkOptions, bulkSettings, failureCode, SELECTION } from '../bulk-options.ts'
import { bulkOutput } from '../bulk-output.ts'
import type { Console } from '../console.ts'
import { exitCodeOf } from '../exit-codes.ts'

const SUMMARY = 'Get the content of many files into a clone at once'

const USAGE = `$0 get [path..]

${SUMMARY}, as git annex get does, but at the speed of the disk or the line.

Without PATH, everything below the current directory is got. git-annex's matching options \
(--include, --in, --metadata and so on) choose among it. Each key is checked against its checksum \
while it comes. What only git-annex can get, it is asked for.`

const OPTIONS = {
  from: { type: 'string', requiresArg: true, describe: 'get from this remote only' },
  ...SELECTION,
  ...bulkOptions('got'),
} as const

interface Args extends BulkArgs {
  from?: string
}

export function getCommand(
  console: Console,
  finished: (code: number) => void,
  matching: readonly string[],
): CommandModule<object, Args> {
  return {
    command: 'get [path..]',
    describe: SUMMARY,
    builder: (parser) =>
      parser
        .usage(USAGE)
        .positional('path', { type: 'string', array: true, describe: 'files and directories' })
        .options(OPTIONS)
        .example('$0 get', 'all that is below this directory')
        .example("$0 get --include='*.nii.gz' sub-01", '') as unknown as Argv<Args>,
    handler: async (args) => finished(await run(console, args, matching)),
  }
}

async function run(console: Console, args: Args, matching: readonly string[]): Promise<number> {
  const dryRun = args['dry-run'] === true
  const output = bulkOutput(console, args.json === true, { past: 'got', present: 'would get' })
  try {
    const clone = await openClone(process.cwd())
    const report = await getKeys(clone, {
      ...bulkSettings(console, args, matching),
      from: args.from,
      events: output.events,
    })
    const { got, bytes, handedOver, failures } = report
    output.summary({ dryRun, keys: got, bytes, handedOver, failed: failures.length })
    return failureCode(failures)
  } catch (error) {
    const reason = console.signal.aborted ? console.signal.reason : error
    output.error(reason)
    return exitCodeOf(reason)
  } finally {
    output.end()
  }
}
