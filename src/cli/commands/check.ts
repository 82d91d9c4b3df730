import { join } from 'node:path'
import { checkDataset, type DatasetChecked } from '../../admin/check/check-dataset.ts'
import { checkStore, requireListing } from '../../admin/check/check-store.ts'
import type { Problem } from '../../admin/check/problem.ts'
import { SeenGood } from '../../admin/check/seen-good.ts'
import { parseSubset } from '../../admin/check/subset.ts'
import { cacheDirectory } from '../../core/cache-directory.ts'
import { ConfigError, isStoreError } from '../../core/errors.ts'
import { inOrder } from '../../core/parallel.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { Store } from '../../store/store.ts'
import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { NameFinder } from '../dataset-names.ts'
import { EXIT } from '../exit-codes.ts'
import { limitsOf } from '../limits.ts'
import { Portion } from '../portion.ts'
import { problemAsObject, problemAsText } from '../problems.ts'
import { formatSize, parseAge, parseSize } from '../quantities.ts'
import { namedOrAll, withStoreOfWords } from '../store-words.ts'
import type { CHECK } from '../table/inventory.ts'
import { counted } from '../tables.ts'

/**
 * The calls for a dataset wait for each other, and most of the time for git. Where content is read
 * the keys of one are enough.
 */
const DATASETS_AT_ONCE = 4

/** What was seen of a dataset, or why nothing was. */
interface Looked {
  readonly dataset: StoredDataset
  readonly aliases: readonly string[]
  readonly found: readonly Problem[]
  readonly seen?: DatasetChecked
  readonly error?: unknown
}

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
  const report = (problem: Problem, aliases: readonly string[] = []) => {
    problems += 1
    console.show(problemAsObject(problem, aliases), () => problemAsText(problem))
  }
  const work = async (store: Store, names: readonly string[]) => {
    const portion = await Portion.open(console, 'check', store.traits.root, args)
    await (names.length === 0 && portion.hasStore
      ? checkStore(store, (problem) => report(problem), call)
      : requireListing(store, call))
    const finder = new NameFinder(store, console.json, call)
    const look = async (dataset: StoredDataset): Promise<Looked> => {
      const found: Problem[] = []
      let read = 0
      const onChecked = (bytes: number) => {
        read += bytes
        console.progress.show({ label: `checking ${dataset.name}`, done: read, total: 0, unit: 'bytes' })
      }
      try {
        const { aliases } = await finder.namesOf(dataset)
        const seenGood = data ? await SeenGood.load(join(cacheDirectory(), 'checked'), dataset) : undefined
        const content = seenGood && { seenGood, subset, untilMs, onChecked }
        const seen = await checkDataset(dataset, (problem) => found.push(problem), { ...call, data: content })
        return { dataset, aliases, found, seen }
      } catch (error) {
        if (console.signal.aborted || isStoreError(error, 'unreachable')) throw error
        return { dataset, aliases: [], found, error }
      }
    }
    for await (const looked of inOrder(namedOrAll(store, names, portion, call), data ? 1 : DATASETS_AT_ONCE, look)) {
      console.progress.clear()
      sum.datasets += 1
      for (const problem of looked.found) report(problem, looked.aliases)
      for (const name of ['keys', 'bytes', 'checked', 'checkedBytes', 'withoutChecksum', 'left'] as const) {
        sum[name] += looked.seen?.[name] ?? 0
      }
      if (looked.error === undefined) {
        const isCut = (looked.seen?.left ?? 0) > 0 // --for was over
        if (!isCut) await portion.done(looked.dataset, looked.found.length > 0 ? EXIT.problems : EXIT.done)
        continue
      }
      portion.failed()
      console.fail(looked.error, { dataset: looked.dataset.name })
      failed += 1
    }
    const { checked, checkedBytes, withoutChecksum, left, ...seen } = sum
    const content = data ? { checked, checkedBytes, withoutChecksum, left } : {}
    console.emit({ type: 'summary', action: 'check', ...seen, ...content, problems, failed, ...portion.summary })
    console.print(summaryLine(sum, data, problems))
    if (sum.left > 0) portion.failed()
    await portion.end()
    if (failed > 0) return EXIT.failed
    const isKnown = portion.resumed.some(({ code }) => code === EXIT.problems)
    return problems > 0 || isKnown ? EXIT.problems : EXIT.done
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
