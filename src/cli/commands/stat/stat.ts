import { TotalsCounter } from '../../../admin/inventory/totals.ts'
import { ConfigError, isStoreError } from '../../../core/errors.ts'
import { printable } from '../../../core/printable.ts'
import { isAppendOnly } from '../../../ria/layout/append-only.ts'
import type { ArgsOf } from '../../command.ts'
import type { Console } from '../../console.ts'
import { idOf, NameFinder } from '../../dataset-names.ts'
import { EXIT } from '../../exit-codes.ts'
import { Portion } from '../../portion.ts'
import { formatSize, parseCount } from '../../quantities.ts'
import { namedOrAll, withStoreOfWords } from '../../store-words.ts'
import type { STAT } from '../../table/inventory.ts'
import { plainTable } from '../../tables.ts'
import type { Counted } from './counted.ts'
import { addToHistory, type Growth } from './history.ts'
import { asMetrics } from './metrics.ts'

/** `riastore stat` */
export async function run(console: Console, args: ArgsOf<typeof STAT>): Promise<number> {
  const { words, history, prometheus = false } = args
  const top = parseCount('top', args.top)
  if (prometheus && console.json) throw new ConfigError('--prometheus and --json do not go together')
  const call = { signal: console.signal }
  return withStoreOfWords(words, async (store, names) => {
    const portion = await Portion.open(console, 'stat', store.traits.root, args)
    const appendOnly = await isAppendOnly(store, undefined, call)
    const counter = new TotalsCounter()
    const counted: Counted[] = []
    let failed = 0
    const finder = new NameFinder(store, console.json, call)
    for await (const dataset of namedOrAll(store, names, portion, call)) {
      try {
        const totals = { dataset: idOf(dataset.directory), ...(await counter.count(dataset, call)) }
        counted.push(totals)
        await portion.done(dataset, EXIT.done, totals)
        const { aliases } = await finder.namesOf(dataset)
        console.emit({ type: 'dataset', action: 'stat', aliases, ...totals })
        console.progress.show({ label: 'counting datasets', done: counted.length, total: 0, unit: 'steps' })
      } catch (error) {
        if (console.signal.aborted || isStoreError(error, 'unreachable')) throw error
        portion.failed()
        console.fail(error, { dataset: dataset.name })
        failed += 1
      }
    }
    console.progress.clear()
    for (const { data } of portion.resumed) if (isCounted(data)) counted.push(data)
    await portion.end()
    const sum = sumOf(counted)
    // What a run tells that did not see everything would be taken for a loss.
    const isTold = failed === 0 || (counted.length > 0 && !prometheus)
    const grown =
      history === undefined || failed > 0 ? undefined : await addToHistory(history, store.traits.root, counted)
    console.emit({
      type: 'summary',
      action: 'stat',
      datasets: counted.length,
      failed,
      ...sum,
      since: grown?.since,
      ...(appendOnly ? { appendOnly } : {}),
      ...portion.summary,
    })
    if (appendOnly && isTold && !prometheus) console.print('append-only: riastore removes and replaces nothing in it')
    if (isTold) console.print(prometheus ? asMetrics(store.traits.root, counted) : asText(counted, sum, grown, top))
    return failed === 0 ? EXIT.done : EXIT.failed
  })
}

/** What a run that was cut noted of a dataset. */
function isCounted(data: unknown): data is Counted {
  const found = data as Partial<Record<string, unknown>> | null | undefined
  return typeof found?.dataset === 'string' && NUMBERS.every((name) => typeof found[name] === 'number')
}

const NUMBERS = [
  'loose',
  'looseBytes',
  'archived',
  'archivedBytes',
  'archiveBytes',
  'files',
  'fileBytes',
  'temporary',
  'temporaryBytes',
  'shared',
  'sharedBytes',
] as const

type Sum = Readonly<Record<(typeof NUMBERS)[number] | 'keys' | 'bytes', number>>

function sumOf(all: readonly Counted[]): Sum {
  const of = (name: (typeof NUMBERS)[number]) => all.reduce((sum, each) => sum + each[name], 0)
  const sums = Object.fromEntries(NUMBERS.map((name) => [name, of(name)])) as Record<(typeof NUMBERS)[number], number>
  return { keys: sums.loose + sums.archived, bytes: sums.looseBytes + sums.archivedBytes, ...sums }
}

function asText(all: readonly Counted[], sum: Sum, grown: Growth | undefined, top: number): string {
  const rows = [
    ['datasets', String(all.length), ''],
    ['keys', String(sum.keys), formatSize(sum.bytes)],
    ['  loose', String(sum.loose), formatSize(sum.looseBytes)],
    ['  archived', String(sum.archived), formatSize(sum.archivedBytes)],
    ['  saved by packing them', '', formatSize(Math.max(0, sum.archivedBytes - sum.archiveBytes))],
    ['  in several datasets', String(sum.shared), formatSize(sum.sharedBytes)],
    ['files', String(sum.files), formatSize(sum.fileBytes)],
    ['  unfinished', String(sum.temporary), formatSize(sum.temporaryBytes)],
  ]
  const largest = [...all].sort((a, b) => b.fileBytes - a.fileBytes).slice(0, top)
  const table = [
    plainTable(
      ['dataset', 'keys', 'size', ...(grown === undefined ? [] : [`since ${grown.since.slice(0, 10)}`])],
      [
        ...largest.map((each) => [
          printable(each.dataset),
          String(each.loose + each.archived),
          formatSize(each.fileBytes),
          ...(grown === undefined ? [] : [difference(grown.bytes.get(each.dataset))]),
        ]),
      ],
    ),
  ]
  return [plainTable(['store', 'count', 'size'], rows), ...(largest.length > 0 ? ['', ...table] : [])].join('\n')
}

function difference(bytes: number | undefined): string {
  if (bytes === undefined) return 'new'
  return bytes === 0 ? '-' : `${bytes > 0 ? '+' : '-'}${formatSize(Math.abs(bytes))}`
}
