import type { Argv, CommandModule } from 'yargs'
import { type UnarchiveReport, unarchive } from '../../admin/compaction/unarchive.ts'
import { printable } from '../../core/printable.ts'
import type { Console } from '../console.ts'
import {
  CAREFUL,
  DRY_RUN,
  forEachDataset,
  JSON_LINES,
  type Question,
  SELECT,
  type Selected,
  selecting,
} from '../each-dataset.ts'
import { noBar, terminalBar } from '../progress.ts'
import { formatSize } from '../quantities.ts'
import { counted, usageTable } from '../tables.ts'

const SUMMARY = 'Make the keys of archives loose again and remove the archives'

const USAGE = `$0 unarchive <store> [datasets..]

${SUMMARY}.

STORE is a URL (ria+file://, ria+ssh://, ria+sftp://, ria+dav(s)://, ria+s3+http(s)://) or the path of a directory. Each DATASET is an id or a ~alias.

Every key is checked while it is written. If one cannot be unpacked, the archive stays. Keys can be \
read, stored and dropped meanwhile. If the command is interrupted, nothing is lost: run it again and\
 it finishes.`

const OPTIONS = {
  ...SELECT,
  ...DRY_RUN,
  ...JSON_LINES,
  ...CAREFUL,
} as const

interface Args extends Selected {
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
      selecting(parser, USAGE)
        .options(OPTIONS)
        .example("$0 unarchive ria+ssh://host/store '~raw'", '') as unknown as Argv<Args>,
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
    async (dataset) => {
      const report = await unarchive(dataset, {
        ...options,
        onProgress: ({ done, total }) => bar.show(`${dataset.name} unpacking`, done, total),
      }).finally(() => bar.clear())
      if (json) console.print(JSON.stringify({ dataset: dataset.name, archive: report !== undefined, ...report }))
      else
        console.print(report === undefined ? `${printable(dataset.name)}: no archive` : summarize(dataset.name, report))
      for (const problem of report?.problems ?? []) console.fail(problem)
      return (report?.problems.length ?? 0) === 0
    },
    args.yes || args['dry-run'] ? undefined : question,
  )
}

function summarize(name: string, { dryRun, unpacked, dropped, before, after }: UnarchiveReport): string {
  return [
    ...(dryRun ? [] : [usageTable(name, before, after)]),
    `${dryRun ? `${printable(name)}: would unpack` : 'unpacked'} ${counted(unpacked.keys, 'key')}, ${formatSize(unpacked.bytes)}` +
      (dropped > 0 ? `; ${counted(dropped, 'dropped key')} ${dryRun ? 'would go' : 'went'} with the archive` : ''),
    ...(dryRun ? [] : ['']),
  ].join('\n')
}
