import { compact, type Phase } from '../../../admin/compaction/compact.ts'
import type { CompactReport } from '../../../admin/compaction/compact-report.ts'
import type { Level } from '../../../archive/seven-zip/seven-zip.ts'
import { printable } from '../../../core/printable.ts'
import type { ArgsOf } from '../../command.ts'
import type { Console } from '../../console.ts'
import { forEachDataset, type Question } from '../../each-dataset.ts'
import { EXIT } from '../../exit-codes.ts'
import { formatSize, parseAge, parseCount, parseSize } from '../../quantities.ts'
import type { ARCHIVE } from '../../table/archive.ts'
import { counted, usageTable } from '../../tables.ts'
import { giveBackInPlace } from './in-place.ts'
import { listDataset } from './list.ts'
import { verifyDataset } from './verify.ts'

/** `riastore archive` */
export async function run(console: Console, args: ArgsOf<typeof ARCHIVE>): Promise<number> {
  const several = args.all === true || args.datasets.length > 1
  const action = args.list ? 'list' : args.verify ? 'verify' : 'archive'
  if (args.list) {
    return forEachDataset(console, args, { action }, (dataset, names) => listDataset(console, dataset, names, several))
  }
  if (args.verify) {
    return forEachDataset(console, args, { action }, (dataset, names) => verifyDataset(console, dataset, names))
  }
  const ask: Question = (which, store) =>
    args.inPlace
      ? `Give back what dropped keys take up in the archives of ${which} in ${store}?`
      : `Pack the loose keys of ${which} in ${store} into archives?`
  const question = args.yes || args.dryRun ? undefined : ask
  if (args.inPlace) {
    return forEachDataset(console, args, { action, question }, (dataset, names) =>
      giveBackInPlace(console, dataset, names, args),
    )
  }
  const options = {
    level: parseCount('level', args.level, 9) as Level,
    olderThanMs: optional(args.olderThan, (text) => parseAge('older-than', text)),
    minKeys: optional(args.minKeys, (text) => parseCount('min-keys', text)),
    maxBytes: optional(args.maxSize, (text) => parseSize('max-size', text)),
    dryRun: args.dryRun,
    breakLock: args.breakLock,
    signal: console.signal,
  }
  return forEachDataset(console, args, { action, question }, async (dataset, names) => {
    const onProgress = ({ phase, done, total }: { phase: Phase; done: number; total: number }) =>
      console.progress.show({ label: `${dataset.name} ${phase}`, done, total, unit: 'steps' })
    const report = await compact(dataset, { ...options, onProgress })
    console.progress.clear()
    console.report({ type: 'dataset', action, ...names, ...report }, () => summarize(dataset.name, report))
    for (const problem of report.problems) console.complain(problem)
    return report.problems.length === 0 ? EXIT.done : EXIT.problems
  })
}

function optional<T>(text: string | undefined, parse: (text: string) => T): T | undefined {
  return text === undefined ? undefined : parse(text)
}

function summarize(name: string, report: CompactReport): string {
  const { dryRun, packed, purged, left, before, after } = report
  const gaveBack =
    report.gaveBack === undefined ? [] : [`dropped keys gave ${formatSize(report.gaveBack)} back in place`]
  const reasons = Object.entries(left).map(([reason, count]) => `${count} ${LEFT[reason as keyof typeof LEFT]}`)
  const leftLoose = reasons.length > 0 ? [`left loose: ${reasons.join(', ')}`] : []
  if (packed.keys === 0 && purged === 0 && before.looseKeys === after.looseKeys) {
    const found = `${counted(before.archivedKeys, 'key')} in the archive`
    return [`${printable(name)}: nothing to pack, ${found}`, ...gaveBack, ...leftLoose].join('; ')
  }
  return [
    usageTable(name, before, after),
    `${dryRun ? 'would pack' : 'packed'} ${counted(packed.keys, 'key')}, ${formatSize(packed.bytes)}` +
      (purged > 0 ? `; ${dryRun ? 'would take' : 'took'} ${counted(purged, 'member')} out of the archive` : ''),
    ...gaveBack,
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
