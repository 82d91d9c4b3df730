import type { Argv, CommandModule } from 'yargs'
import { openClone } from '../../bulk/clone.ts'
import { type GetReport, getKeys } from '../../bulk/get.ts'
import { ConfigError } from '../../core/errors.ts'
import { bulkOutput } from '../bulk-output.ts'
import type { Console } from '../console.ts'
import { EXIT, exitCodeOf } from '../exit-codes.ts'
import { parseCount, parseSize } from '../quantities.ts'

const SUMMARY = 'Get the content of many files into a clone at once'

const USAGE = `$0 get [path..]

${SUMMARY}, as git annex get does, but at the speed of the disk or the line.

Without PATH, everything below the current directory is got. git-annex's matching options (--include, --in, --metadata and so on) choose among it. Each key is checked against its checksum while it comes. What only git-annex can get, it is asked for.`

const OPTIONS = {
  from: { type: 'string', requiresArg: true, describe: 'get from this remote only' },
  key: { type: 'string', array: true, requiresArg: true, describe: 'get this key' },
  all: { type: 'boolean', alias: 'A', describe: 'get all keys that the repository knows, not only those of files' },
  jobs: { type: 'string', alias: 'J', requiresArg: true, describe: 'keys at once. Default: what the store takes' },
  bwlimit: { type: 'string', requiresArg: true, describe: 'bytes a second, at most: 10M' },
  'dry-run': { type: 'boolean', alias: 'n', describe: 'say what would be got, and do nothing' },
  json: { type: 'boolean', describe: 'print JSON, an object a line' },
} as const

interface Args {
  path?: string[]
  from?: string
  key?: string[]
  all?: boolean
  jobs?: string
  bwlimit?: string
  'dry-run'?: boolean
  json?: boolean
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
      selection: {
        paths: args.path ?? [],
        cwd: process.cwd(),
        matching,
        all: args.all === true,
        keys: args.key ?? [],
      },
      from: args.from,
      jobs: args.jobs === undefined ? undefined : positive('jobs', parseCount('jobs', args.jobs, 1024)),
      bytesPerSecond: args.bwlimit === undefined ? undefined : positive('bwlimit', parseSize('bwlimit', args.bwlimit)),
      dryRun,
      events: output.events,
      signal: console.signal,
      log: process.env.RIASTORE_DEBUG ? (line: string) => process.stderr.write(`riastore: ${line}\n`) : undefined,
    })
    const { got, bytes, handedOver, failures } = report
    output.summary({ dryRun, keys: got, bytes, handedOver, failed: failures.length })
    return codeOf(report)
  } catch (error) {
    const reason = console.signal.aborted ? console.signal.reason : error
    output.error(reason)
    return exitCodeOf(reason)
  } finally {
    output.end()
  }
}

function positive(name: string, value: number): number {
  if (value > 0) return value
  throw new ConfigError(`--${name} is 0: nothing would ever come`)
}

function codeOf({ failures }: GetReport): number {
  if (failures.length === 0) return EXIT.done
  return failures.every((kind) => kind === 'unreachable') ? EXIT.unreachable : EXIT.failed
}
