import { writeFile } from 'node:fs/promises'
import { keepInventory, readInventory } from '../../../admin/inventory/kept-inventory.ts'
import { ConfigError, messageOf } from '../../../core/errors.ts'
import { printable } from '../../../core/printable.ts'
import type { Keeping } from '../../../store/keeping.ts'
import type { Store } from '../../../store/store.ts'
import type { ArgsOf } from '../../command.ts'
import type { Console } from '../../console.ts'
import { EXIT } from '../../exit-codes.ts'
import { Portion } from '../../portion.ts'
import { parseAge, parseCount } from '../../quantities.ts'
import { withStoreOfWords } from '../../store-words.ts'
import type { STAT } from '../../table/stat.ts'
import { countDatasets, storeFacts } from './count.ts'
import { type Counted, isCounted, type Numbers, type StoreFacts, sumOf } from './counted.ts'
import { addToHistory, type History } from './history.ts'
import { asMetrics } from './metrics.ts'
import { protectionLines } from './protection.ts'
import { asReport } from './report.ts'
import { asText, largestOf } from './text.ts'

/** So many datasets have an area of their own in the plot. */
const PLOTTED = 7

type Args = ArgsOf<typeof STAT>

/** `riastore stat` */
export async function run(console: Console, args: Args): Promise<number> {
  const { words, history, plot, unused = false, prometheus = false, report = false } = args
  const top = parseCount('top', args.top)
  const agoMs = args.since === undefined ? 0 : parseAge('since', args.since)
  const maxAgeMs = args.refresh ? 0 : parseAge('max-age', args.maxAge)
  for (const [name, isGiven] of Object.entries({ prometheus, report })) {
    if (isGiven && console.json) throw new ConfigError(`--${name} and --json do not go together`)
  }
  for (const [name, value] of Object.entries({ plot, since: args.since })) {
    if (value !== undefined && history === undefined) throw new ConfigError(`--${name} wants --history`)
  }
  return withStoreOfWords(words, async (store, names) => {
    const isWhole = names.length === 0 && args.shard === undefined && !args.resume
    const kept = isWhole && maxAgeMs > 0 ? await keptNumbers(store, maxAgeMs, unused) : undefined
    const { numbers, failed, more } = kept ?? (await count(console, store, names, args, isWhole))
    const { counted, store: root } = numbers
    if (kept !== undefined) counted.forEach(tell(console))
    // What a run tells that did not see everything would be taken for a loss.
    const isTold = failed === 0 || (counted.length > 0 && !prometheus)
    const largest = largestOf(counted, PLOTTED)
    const past: Partial<History> =
      history === undefined || failed > 0
        ? {}
        : await addToHistory(history, numbers, {
            agoMs,
            only: args.shard ?? (names.length === 0 ? undefined : counted.map(({ dataset }) => dataset).join(' ')),
            about: largest.map(({ dataset }) => dataset),
          })
    if (plot !== undefined && past.points !== undefined) {
      const { plotOf } = await import('./plot.ts')
      await write(plot, plotOf(root, past.points, largest))
    }
    console.emit({ type: 'summary', action: 'stat', failed, ...summaryOf(numbers, past), ...more })
    if (isTold && prometheus) console.print(asMetrics(numbers))
    else if (isTold && report) console.print(asReport(numbers, past.growth, top))
    else if (isTold) {
      for (const line of protectionLines(numbers)) console.print(printable(line))
      console.print(asText(numbers, past.growth, top))
    }
    return failed === 0 ? EXIT.done : EXIT.failed
  })
}

interface Result {
  readonly numbers: Numbers
  readonly failed: number
  /** For the summary. */
  readonly more: object
}

/** Counts what was asked for, and keeps it for the next run if that is all of the store. */
async function count(
  console: Console,
  store: Store,
  names: readonly string[],
  args: Args,
  isWhole: boolean,
): Promise<Result> {
  const countedMs = Date.now()
  const { root } = store.traits
  const portion = await Portion.open(console, 'stat', root, args)
  const { counted, failed } = await countDatasets(console, store, portion, {
    names,
    unused: args.unused ?? false,
    found: tell(console),
  })
  await portion.end()
  const facts = await storeFacts(store, { signal: console.signal })
  if (isWhole && failed === 0) {
    const problem = await keepInventory(root, { countedMs, datasets: counted, store: facts })
    if (problem !== undefined) console.detail(problem)
  }
  const sum = sumOf(counted, facts.flat)
  return {
    numbers: { store: root, counted, sum, facts, countedMs, isKept: false },
    failed,
    more: portion.summary,
  }
}

/** What an earlier run counted, if it was not too long ago, and has what is asked for. */
async function keptNumbers(store: Store, maxAgeMs: number, unused: boolean): Promise<Result | undefined> {
  const found = await readInventory(store.traits.root, maxAgeMs)
  if (found === undefined || !found.datasets.every(isCounted)) return undefined
  const counted: readonly Counted[] = found.datasets
  if (unused && counted.every((each) => each.unused === undefined)) return undefined
  const facts = found.store as StoreFacts
  const { countedMs } = found
  const sum = sumOf(counted, facts.flat)
  const more = { kept: true, ageSeconds: Math.floor((Date.now() - countedMs) / 1000) }
  return { numbers: { store: store.traits.root, counted, sum, facts, countedMs, isKept: true }, failed: 0, more }
}

const tell = (console: Console) => (each: Counted) =>
  console.emit({ type: 'dataset', action: 'stat', ...forPrograms(each) })

/** Times are words there. */
function forPrograms<T extends { readonly oldestMs?: number | undefined; readonly newestMs?: number | undefined }>({
  oldestMs,
  newestMs,
  ...rest
}: T) {
  return { ...rest, oldestFile: timeOf(oldestMs), newestFile: timeOf(newestMs) }
}

function summaryOf({ counted, sum, facts, countedMs }: Numbers, { growth }: Partial<History>) {
  const { appendOnly, flat, keeping, ...rest } = facts
  const own = counted.filter((each) => each.appendOnly === true).length
  return {
    datasets: counted.length,
    ...forPrograms(sum),
    ...(flat ? {} : { inodes: sum.files + sum.directories }),
    ...rest,
    ...(appendOnly ? { appendOnly } : {}),
    ...(own > 0 ? { appendOnlyDatasets: own } : {}),
    ...(keeping === undefined ? {} : keepingForPrograms(keeping)),
    counted: timeOf(countedMs),
    since: timeOf(growth?.sinceMs),
    grown: growth?.total,
  }
}

function keepingForPrograms({ versioning, objectLock, lockedByDefault }: Keeping) {
  return { versioning: versioning ?? 'unknown', objectLock: objectLock ?? 'unknown', lockedByDefault }
}

const timeOf = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms).toISOString())

async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text)
  } catch (error) {
    throw new ConfigError(`--plot ${file}: ${messageOf(error)}`)
  }
}
