import type { Argv, CommandModule } from 'yargs'
import { printable } from '../../core/printable.ts'
import { collectGarbage, type GcReport } from '../../git/gc.ts'
import { StoredRepository } from '../../git/repository.ts'
import type { Console } from '../console.ts'
import { DRY_RUN, forEachDataset, JSON_LINES, SELECT, type Selected, selecting } from '../each-dataset.ts'
import { formatSize, parseAge } from '../quantities.ts'
import { counted } from '../tables.ts'

const SUMMARY = 'Put the git packs of datasets together'

const USAGE = `$0 gc <store> [datasets..]

${SUMMARY}, where there is no git on the other side (S3, SFTP).

STORE is a URL (ria+s3+https://, ria+s3+http://, ria+sftp://, ria+dav(s)://). Each DATASET is an id or a ~alias.

All packs of a dataset's git repository are downloaded, put together by git, checked, and uploaded \
as one. Clones and pushes meanwhile are not disturbed: what is no longer used is removed once the \
grace period is over. Keys are not touched.`

const OPTIONS = {
  ...SELECT,
  grace: { type: 'string', default: '14d', describe: 'how long what is no longer used is kept: 14d, 12h' },
  ...DRY_RUN,
  ...JSON_LINES,
} as const

interface Args extends Selected {
  grace: string | string[]
  'dry-run'?: boolean
  json?: boolean
}

export function gcCommand(console: Console, finished: (code: number) => void): CommandModule<object, Args> {
  return {
    command: 'gc <store> [datasets..]',
    describe: SUMMARY,
    builder: (parser) =>
      selecting(parser, USAGE)
        .options(OPTIONS)
        .example('$0 gc ria+s3+https://s3.example.org/bucket/store --all', '') as unknown as Argv<Args>,
    handler: async (args) => finished(await run(console, args)),
  }
}

async function run(console: Console, args: Args): Promise<number> {
  const graceMs = parseAge('grace', [args.grace].flat().at(-1) ?? '')
  const options = { graceMs, dryRun: args['dry-run'], signal: console.signal }
  return forEachDataset(console, { ...args, forWriting: true }, async (dataset) => {
    const repository = new StoredRepository(dataset, { gitDir: undefined, shows: false })
    const report = await collectGarbage(repository, options)
    console.print(args.json ? JSON.stringify({ dataset: dataset.name, ...report }) : summarize(dataset.name, report))
    return true
  })
}

function summarize(name: string, { dryRun, packs, removed, mended }: GcReport): string {
  const would = dryRun ? 'would ' : ''
  const done = [
    ...(packs.before > packs.after ? [`${would}put ${counted(packs.before, 'pack')} together`] : []),
    ...(removed.packs > 0 || removed.bytes > 0
      ? [`${would}remove${dryRun ? '' : 'd'} ${counted(removed.packs, 'old pack')}, ${formatSize(removed.bytes)}`]
      : []),
    ...(mended ? ['mended what others see of it'] : []),
  ]
  return `${printable(name)}: ${done.length > 0 ? done.join('; ') : 'nothing to do'}`
}
