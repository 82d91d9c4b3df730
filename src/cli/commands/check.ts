import { join } from 'node:path'
import { checkDataset } from '../../admin/check/check-dataset.ts'
import { checkStore, requireListing } from '../../admin/check/check-store.ts'
import type { Problem } from '../../admin/check/problem.ts'
import { SeenGood } from '../../admin/check/seen-good.ts'
import { parseSubset } from '../../admin/check/subset.ts'
import { cacheDirectory } from '../../core/cache-directory.ts'
import { ConfigError, isStoreError } from '../../core/errors.ts'
import type { Store } from '../../store/store.ts'
import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { NameFinder } from '../dataset-names.ts'
import { EXIT } from '../exit-codes.ts'
import { limitsOf } from '../limits.ts'
import { problemAsObject, problemAsText } from '../problems.ts'
import { formatSize, parseAge, parseSize } from '../quantities.ts'
import { namedOrAll, withStoreOfWords } from '../store-words.ts'
import type { CHECK } from '../table/inventory.ts'
import { counted } from '../tables.ts'

/** `riastore check` */
export async function run(console: Console, args: ArgsOf<typeof CHECK>): Promise<number> {
  const { words, data = false, subset: part, for: time } = args
  if (!data && (part !== undefined || time !== undefined)) throw new ConfigError('--subset and --for want --data')
  const subset = part === undefined ? undefined : parseSubset(part, (text) => parseSize('subset', text))
  const limits = limitsOf(args)
  const untilMs = time === undefined ? undefined : Date.now() + parseAge('for', time)
  const call = { signal: console.signal }
  const sum = { datasets: 0, keys: 0, bytes: 0, checked: 0, checkedBytes: 0, withoutChecksum: 0, left: 0 }
  let [problems, failed] = [0, 0]
  const report = (problem: Problem) => {
    problems += 1
    console.show(problemAsObject(problem, aliases), () => problemAsText(problem))
  }
  /** Of the dataset that is looked at. */
  let aliases: readonly string[] = []
  const work = async (store: Store, names: readonly string[]) => {
    const counts = new Map<string, number>()
    await (names.length === 0 ? checkStore(store, report, call) : requireListing(store, call))
    const finder = new NameFinder(store, console.json, call)
    for await (const dataset of namedOrAll(store, names, call)) {
      sum.datasets += 1
      const label = `checking ${dataset.name}`
      const onChecked = (bytes: number) => {
        counts.set(label, (counts.get(label) ?? 0) + bytes)
        console.progress.show({ label, done: counts.get(label) ?? 0, total: 0, unit: 'bytes' })
      }
      try {
        aliases = (await finder.namesOf(dataset)).aliases
        const seenGood = data ? await SeenGood.load(join(cacheDirectory(), 'checked'), dataset) : undefined
        const content = seenGood && { seenGood, subset, untilMs, onChecked }
        const seen = await checkDataset(dataset, report, { ...call, data: content })
        for (const name of ['keys', 'bytes', 'checked', 'checkedBytes', 'withoutChecksum', 'left'] as const) {
          sum[name] += seen[name] ?? 0
        }
      } catch (error) {
        if (console.signal.aborted || isStoreError(error, 'unreachable')) throw error
        console.fail(error, { dataset: dataset.name })
        failed += 1
      } finally {
        console.progress.clear()
        counts.clear()
      }
    }
    const { checked, checkedBytes, withoutChecksum, left, ...seen } = sum
    const content = data ? { checked, checkedBytes, withoutChecksum, left } : {}
    console.emit({ type: 'summary', action: 'check', ...seen, ...content, problems, failed })
    console.print(summaryLine(sum, data, problems))
    if (failed > 0) return EXIT.failed
    return problems > 0 ? EXIT.problems : EXIT.done
  }
  return withStoreOfWords(words, work, { limits })
}

interface Sum {
  readonly datasets: number
  readonly keys: number
  readonly bytes: number
  readonly checked: number
  readonly checkedBytes: number
  readonly withoutChecksum: number
  readonly left: number
}

function summaryLine(sum: Sum, data: boolean, problems: number): string {
  const { datasets, keys, bytes, checked, checkedBytes, withoutChecksum, left } = sum
  const read = data ? [`read ${counted(checked, 'key')}, ${formatSize(checkedBytes)}`] : []
  const without = withoutChecksum > 0 ? [`${withoutChecksum} of them have no checksum that can be looked at`] : []
  const rest = left > 0 ? [`${left} were left for another run`] : []
  const found = problems === 0 ? 'no problems' : counted(problems, 'problem')
  const seen = `${counted(datasets, 'dataset')}, ${counted(keys, 'key')}, ${formatSize(bytes)}`
  return [seen, ...read, ...without, ...rest, found].join('; ')
}
