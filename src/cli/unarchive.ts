import type { Argv, CommandModule } from 'yargs'
import { type UnarchiveReport, unarchive } from '../ria/compaction/unarchive.ts'
import type { Console } from './console.ts'
import { DATASET_OPTIONS, forEachDataset, type Question } from './datasets.ts'
import { noBar, terminalBar } from './progress.ts'
import { counted, usageTable } from './summary.ts'

const SUMMARY = 'Make the keys of archives loose again and remove the archives'

const USAGE = `$0 unarchive <store> [datasets..]

${SUMMARY}.

STORE is a URL (ria+file://, ria+ssh://, ria+sftp://) or the path of a directory; each DATASET is an id or a ~alias.

Every key is checked while it is written. An archive of which a key cannot be unpacked stays. People may go on reading, storing and dropping meanwhile.`

const OPTIONS = {
  ...DATASET_OPTIONS,
  'dry-run': { type: 'boolean', alias: 'n', describe: 'say what would be done, and do nothing' },
  json: { type: 'boolean', describe: 'one JSON object a line, per dataset' },
  yes: { type: 'boolean', alias: 'y', describe: 'do not ask (only a terminal is asked)' },
  'break-lock': {
    type: 'boolean',
    describe: 'remove the lock of whoever else is at work, or seems to be',
  },
} as const

interface Args {
  store: string
  datasets: string[]
  all?: boolean
  'dry-run'?: boolean
  json?: boolean
  yes?: boolean
  'break-lock'?: boolean
}

export function unarchiveCommand(console: Console, finished: (code: number) => void): CommandModule<object, Args> {
  return {
    command: 'unarchive <store> [datasets..]',
    describe: SUMMARY,
    builder: (parser) =>
      parser
        .usage(USAGE)
        .positional('store', { type: 'string', demandOption: true, describe: 'URL or directory of the store' })
        .positional('datasets', { type: 'string', array: true, describe: 'ids and ~aliases' })
        .options(OPTIONS)
        .example('$0 unarchive ria+ssh://host/store ~raw', '') as unknown as Argv<Args>,
    handler: async (args) => finished(await run(console, args)),
  }
}

async function run(console: Console, args: Args): Promise<number> {
  const json = args.json === true
  const options = { dryRun: args['dry-run'], breakLock: args['break-lock'], signal: console.signal }
  const question: Question = (which, store) => `Unpack the archives of ${which} in ${store}?`
  const bar = console.isTerminal && !json ? terminalBar() : noBar
  return forEachDataset(
    console,
    args,
    async (store, dataset) => {
      const report = await unarchive(store, dataset.directory, {
        ...options,
        onProgress: ({ done, total }) => bar.show(`${dataset.name} unpacking`, done, total),
      }).finally(() => bar.clear())
      if (json) console.print(JSON.stringify({ dataset: dataset.name, archive: report !== undefined, ...report }))
      else console.print(report === undefined ? `${dataset.name}: no archive` : summarize(dataset.name, report))
      for (const problem of report?.problems ?? []) console.fail(problem)
      return (report?.problems.length ?? 0) === 0
    },
    args.yes || args['dry-run'] ? undefined : question,
  )
}

function summarize(name: string, { dryRun, unpacked, dropped, before, after }: UnarchiveReport): string {
  return [
    ...(dryRun ? [] : [usageTable(name, before, after)]),
    `${dryRun ? `${name}: would unpack` : 'unpacked'} ${counted(unpacked.keys, 'key')}` +
      (dropped > 0 ? `; ${counted(dropped, 'dropped one')} went with the archive` : ''),
    ...(dryRun ? [] : ['']),
  ].join('\n')
}
