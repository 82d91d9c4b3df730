import { printable } from '../../../core/printable.ts'
import { formatSize } from '../../quantities.ts'
import { counted as count } from '../../tables.ts'
import type { Numbers } from './counted.ts'
import type { Growth } from './history.ts'
import { protectionLines } from './protection.ts'
import { difference, fastestTable, largestTable, perDay, timeOf, totalsTable } from './text.ts'

/** A store that has so many loose keys has more files than it needs. */
const MANY_LOOSE = 10_000

/** A page of plain text for whoever keeps the store, which cron sends by mail. */
export function asReport(numbers: Numbers, grown: Growth | undefined, top: number): string {
  const { store, countedMs, isKept, counted, sum } = numbers
  const remarks = remarksOf(numbers, grown)
  const kept = protectionLines(numbers).map(printable)
  const head = `${store}: ${formatSize(sum.fileBytes)} in ${count(counted.length, 'dataset')}`
  return [
    head,
    '='.repeat(Math.min(head.length, 72)),
    `Counted ${isKept ? 'by an earlier run, ' : ''}at ${timeOf(countedMs)}.${growthLine(grown)}`,
    ...(remarks.length === 0 ? [] : ['', 'What can be done', '', ...remarks.map((remark) => `- ${remark}`)]),
    ...(kept.length === 0 ? [] : ['', ...kept]),
    '',
    totalsTable(numbers, grown),
    ...[largestTable(counted, grown, top), fastestTable(numbers, grown, top)].flatMap((table) =>
      table === '' ? [] : ['', table],
    ),
  ].join('\n')
}

function growthLine(grown: Growth | undefined): string {
  if (grown === undefined) return ''
  const gone = grown.total === 0 ? 'nothing' : difference(grown.total)
  return ` Since ${timeOf(grown.sinceMs)}: ${gone}, ${count(grown.added.size, 'new dataset')}.`
}

function remarksOf({ store, sum, facts }: Numbers, grown: Growth | undefined): string[] {
  const daily = grown === undefined ? 0 : perDay(grown.total, grown)
  const days = facts.free === undefined || daily <= 0 ? undefined : Math.floor(facts.free / daily)
  return [
    ...(facts.free === undefined || days === undefined || days > 365
      ? []
      : [`${formatSize(facts.free)} are free: at ${difference(daily)} a day they last ${count(days, 'day')}.`]),
    ...(sum.loose > MANY_LOOSE ? [`${sum.loose} keys are loose. To pack them: riastore archive --all ${store}`] : []),
    ...(sum.stale > 0
      ? [`${count(sum.stale, 'stale leftover')}, ${formatSize(sum.staleBytes)}. To look: riastore check ${store}`]
      : []),
    ...(sum.unused !== undefined && sum.unused > 0
      ? [
          `No ref names ${count(sum.unused, 'key')}, ${formatSize(sum.unusedBytes ?? 0)}. To look: riastore unused ${store}`,
        ]
      : []),
    ...(facts.trash !== undefined && facts.trash > 0
      ? [`The trash has ${formatSize(facts.trashBytes ?? 0)}. What has expired goes with: riastore gc --all ${store}`]
      : []),
  ]
}
