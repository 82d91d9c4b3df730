import type { Argv, CommandModule } from 'yargs'
import { getKeys } from '../../bulk/get.ts'
import { type BulkArgs, bulkOptions, bulkSettings, SELECTION } from '../bulk-options.ts'
import { runBulk } from '../bulk-run.ts'
import type { Console } from '../console.ts'

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

function run(console: Console, args: Args, matching: readonly string[]): Promise<number> {
  return runBulk(console, args, matching, { past: 'got', present: 'would get' }, async (clone, selection, events) => {
    const { got, ...report } = await getKeys(clone, {
      ...bulkSettings(console, args),
      selection,
      from: args.from,
      events,
    })
    return { moved: got, ...report }
  })
}
