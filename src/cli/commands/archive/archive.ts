import type { Argv, CommandModule } from 'yargs'
import { compact } from '../../../admin/compaction/compact.ts'
import type { CompactReport } from '../../../admin/compaction/compact-report.ts'
import type { Level } from '../../../archive/seven-zip/seven-zip.ts'
import { printable } from '../../../core/printable.ts'
import type { Console } from '../../console.ts'
import {
  CAREFUL,
  DRY_RUN,
  forEachDataset,
  type Question,
  SELECT,
  type Selected,
  selecting,
} from '../../each-dataset.ts'
import { noBar, terminalBar } from '../../progress.ts'
import { formatSize, parseAge, parseCount, parseSize } from '../../quantities.ts'
import { counted, usageTable } from '../../tables.ts'
import { listDataset } from './list.ts'
import { verifyDataset } from './verify.ts'

const SUMMARY = 'Pack the loose keys of datasets into their archives'

const USAGE = `$0 archive <store> [datasets..]

${SUMMARY}.

STORE is a URL (ria+file://, ria+ssh://, ria+sftp://, ria+dav(s)://, ria+s3+http(s)://; \
to look only, ria+http(s)://) or the path of a directory. Each DATASET is an id or a ~alias.

Every key is read back from the new archive and checked before its loose copy is removed. Keys can \
be read, stored and dropped meanwhile. If the command is interrupted, nothing is lost: run it again \
and it finishes.

Over ssh, 7z runs on the server if it is installed there; otherwise, and on S3, the keys pass through this machine.`

const OPTIONS = {
  ...SELECT,
  list: { type: 'boolean', describe: 'list what is in the archive; change nothing' },
  verify: { type: 'boolean', describe: 'read and check what is in the archive; change nothing' },
  level: { type: 'string', default: '0', describe: 'compression: 0 (none, reads fastest) to 9' },
  'older-than': { type: 'string', describe: 'only keys stored this long ago: 30d, 12h' },
  'max-size': { type: 'string', describe: 'only keys up to this size: 10M, 2G' },
  'min-keys': { type: 'string', describe: 'pack nothing if fewer keys are to be packed' },
  ...DRY_RUN,
  json: { type: 'boolean', describe: 'print JSON: a line per dataset, with --list per key' },
  ...CAREFUL,
} as const

interface Args extends Selected {
  list?: boolean
  verify?: boolean
  level: string | string[]
  'older-than'?: string | string[]
  'min-keys'?: string | string[]
  'max-size'?: string | string[]
  'dry-run'?: boolean
  json?: boolean
  yes?: boolean
  'break-lock'?: boolean
}

export function archiveCommand(console: Console, finished: (code: number) => void): CommandModule<object, Args> {
  return {
    command: 'archive <store> [datasets..]',
    describe: SUMMARY,
    builder: (parser) =>
      selecting(parser, USAGE)
        .options(OPTIONS)
        .conflicts('list', ['verify', 'dry-run', 'break-lock', 'older-than', 'min-keys', 'max-size'])
        .conflicts('verify', ['dry-run', 'break-lock', 'older-than', 'min-keys', 'max-size'])
        .example('$0 archive --older-than 30d ria+ssh://host/store --all', '')
        .example("$0 archive --verify /data/store '~raw'", '') as unknown as Argv<Args>,
    handler: async (args) => finished(await run(console, args)),
  }
}

async function run(console: Console, args: Args): Promise<number> {
  const json = args.json === true
  const several = args.all === true || args.datasets.length > 1
  if (args.list) return forEachDataset(console, args, (dataset) => listDataset(console, dataset, json, several))
  if (args.verify) return forEachDataset(console, args, (dataset) => verifyDataset(console, dataset, json))
  const options = {
    level: parseCount('level', last(args.level), 9) as Level,
    olderThanMs: optional(args['older-than'], (text) => parseAge('older-than', text)),
    minKeys: optional(args['min-keys'], (text) => parseCount('min-keys', text)),
    maxBytes: optional(args['max-size'], (text) => parseSize('max-size', text)),
    dryRun: args['dry-run'],
    breakLock: args['break-lock'],
    signal: console.signal,
  }
  const question: Question = (which, store) => `Pack the loose keys of ${which} in ${store} into archives?`
  const bar = console.isTerminal && !json ? terminalBar() : noBar
  return forEachDataset(
    console,
    args,
    async (dataset) => {
      try {
        const onProgress = ({ phase, done, total }: { phase: string; done: number; total: number }) =>
          bar.show(`${dataset.name} ${phase}`, done, total)
        const report = await compact(dataset, { ...options, onProgress })
        bar.clear()
        console.print(json ? JSON.stringify({ dataset: dataset.name, ...report }) : summarize(dataset.name, report))
        for (const problem of report.problems) console.fail(problem)
        return report.problems.length === 0
      } finally {
        bar.clear()
      }
    },
    args.yes || args['dry-run'] ? undefined : question,
  )
}

function optional<T>(text: string | string[] | undefined, parse: (text: string) => T): T | undefined {
  return text === undefined ? undefined : parse(last(text))
}

/** An option that is given twice means the second. */
function last(text: string | string[]): string {
  return Array.isArray(text) ? (text.at(-1) ?? '') : text
}

function summarize(name: string, { dryRun, packed, purged, left, before, after }: CompactReport): string {
  const reasons = Object.entries(left).map(([reason, count]) => `${count} ${LEFT[reason as keyof typeof LEFT]}`)
  const leftLoose = reasons.length > 0 ? [`left loose: ${reasons.join(', ')}`] : []
  if (packed.keys === 0 && purged === 0 && before.looseKeys === after.looseKeys) {
    const found = `${counted(before.archivedKeys, 'key')} in the archive`
    return [`${printable(name)}: nothing to pack, ${found}`, ...leftLoose].join('; ')
  }
  return [
    usageTable(name, before, after),
    `${dryRun ? 'would pack' : 'packed'} ${counted(packed.keys, 'key')}, ${formatSize(packed.bytes)}` +
      (purged > 0 ? `; ${dryRun ? 'would take' : 'took'} ${counted(purged, 'member')} out of the archive` : ''),
    ...leftLoose,
    '',
  ].join('\n')
}

const LEFT: Readonly<Record<keyof CompactReport['left'], string>> = {
  few: 'too few to be packed',
  recent: 'stored too recently',
  large: 'too large',
  git: "of git-remote-annex's",
  name: 'with a name that 7z cannot take (* or ?, say)',
  misplaced: 'in a place where no key is looked for',
  damaged: 'damaged',
  returning: 'just stored again after a drop',
  readers: 'which others may read than may read the archive',
  changed: 'changed meanwhile',
  unread: 'that 7z could not read',
}
