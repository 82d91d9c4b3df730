import { printable } from '../../../core/printable.ts'
import { formatSize, formatTime } from '../../quantities.ts'
import { plainTable } from '../../tables.ts'
import { type Counted, type Numbers, nameOf } from './counted.ts'
import type { Growth } from './history.ts'

/** A day, in ms. */
const DAY_MS = 86_400_000

/** What `stat` tells people. */
export function asText(numbers: Numbers, grown: Growth | undefined, top: number): string {
  const tables = [
    totalsTable(numbers, grown),
    largestTable(numbers.counted, grown, top),
    fastestTable(numbers, grown, top),
  ]
  return [ageOf(numbers), ...tables].filter((table) => table !== '').join('\n\n')
}

/** When it was counted, where that was not just now. */
function ageOf({ isKept, countedMs }: Numbers): string {
  if (!isKept) return ''
  const age = formatTime(Math.max(0, Date.now() - countedMs) / 1000)
  return `counted ${age} ago, at ${timeOf(countedMs)}; --refresh counts anew`
}

/** All datasets together. */
export function totalsTable({ counted, sum, facts }: Numbers, grown: Growth | undefined): string {
  const ofArchives = sum.archivedBytes === 0 ? '' : `${Math.round((sum.archiveBytes / sum.archivedBytes) * 100)} %`
  const rows = [
    ['datasets', String(counted.length), ''],
    ['keys', String(sum.keys), formatSize(sum.bytes)],
    ['  loose', String(sum.loose), formatSize(sum.looseBytes)],
    ['  archived', String(sum.archived), formatSize(sum.archivedBytes)],
    ['  saved by packing them', String(sum.saved), formatSize(sum.savedBytes)],
    ['  archives, of their content', '', ofArchives],
    ['  in several datasets', String(sum.shared), formatSize(sum.sharedBytes)],
    [
      '  unused',
      ...(sum.unused === undefined ? ['?', '--unused'] : [String(sum.unused), formatSize(sum.unusedBytes ?? 0)]),
    ],
    [facts.flat ? 'objects' : 'files', String(sum.files), formatSize(sum.fileBytes)],
    ...(facts.flat ? [] : [['  inodes', String(sum.files + sum.directories), '']]),
    ['  unfinished', String(sum.temporary), formatSize(sum.temporaryBytes)],
    ['  stale', String(sum.stale), formatSize(sum.staleBytes)],
    ...(facts.trash === undefined ? [] : [['trash', String(facts.trash), formatSize(facts.trashBytes ?? 0)]]),
    ...(facts.free === undefined ? [] : [['free', '', formatSize(facts.free)]]),
    ['oldest file', '', dayOf(sum.oldestMs)],
    ['newest file', '', dayOf(sum.newestMs)],
    ...(grown === undefined ? [] : [[`since ${dayOf(grown.sinceMs)}`, '', difference(grown.total)]]),
  ]
  return plainTable(['store', 'count', 'size'], rows)
}

/** The datasets that take up most. */
export function largestTable(counted: readonly Counted[], grown: Growth | undefined, top: number): string {
  const largest = largestOf(counted, top)
  if (largest.length === 0) return ''
  const rows = largest.map((each) => [
    labelOf(each),
    String(each.loose + each.archived),
    formatSize(each.fileBytes),
    dayOf(each.newestMs),
    ...(grown === undefined
      ? []
      : [grown.added.has(each.dataset) ? 'new' : difference(grown.bytes.get(each.dataset) ?? 0)]),
  ])
  const since = grown === undefined ? [] : [`since ${dayOf(grown.sinceMs)}`]
  return plainTable(['largest datasets', 'keys', 'size', 'newest', ...since], rows)
}

/** Those that grew most. */
export function fastestTable({ counted }: Numbers, grown: Growth | undefined, top: number): string {
  if (grown === undefined) return ''
  const grew = (each: Counted) => grown.bytes.get(each.dataset) ?? 0
  const fastest = counted
    .filter((each) => grew(each) > 0)
    .sort((a, b) => grew(b) - grew(a))
    .slice(0, top)
  if (fastest.length === 0) return ''
  const rows = fastest.map((each) => [
    labelOf(each),
    difference(grew(each)),
    difference(perDay(grew(each), grown)),
    formatSize(each.fileBytes),
  ])
  return plainTable(['fastest growing', `since ${dayOf(grown.sinceMs)}`, 'a day', 'size'], rows)
}

/** In bytes. A run that was less than a day ago counts as one day. */
export function perDay(bytes: number, { spanMs }: Growth): number {
  return Math.round(bytes / Math.max(1, spanMs / DAY_MS))
}

export function largestOf(counted: readonly Counted[], top: number): readonly Counted[] {
  return [...counted].sort((a, b) => b.fileBytes - a.fileBytes).slice(0, top)
}

export function timeOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}

function dayOf(ms: number | undefined): string {
  return ms === undefined ? '' : new Date(ms).toISOString().slice(0, 10)
}

function labelOf(each: Counted): string {
  const name = nameOf(each)
  return printable(name === each.dataset ? name : `${each.dataset} ${name}`)
}

export function difference(bytes: number): string {
  return bytes === 0 ? '-' : `${bytes > 0 ? '+' : '-'}${formatSize(Math.abs(bytes))}`
}
