import { ConfigError, isStoreError } from '../core/errors.ts'
import { eachDataset, findDataset } from '../ria/layout/datasets.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import { unwritable } from '../store/unwritable.ts'
import type { Console } from './console.ts'
import { type DatasetNames, NameFinder } from './dataset-names.ts'
import { commonExit, EXIT, exitCodeOf } from './exit-codes.ts'
import { limitsOf } from './limits.ts'
import { openNamedStore, parseStore, storeAndRest } from './open-store.ts'
import { Portion, type PortionArgs } from './portion.ts'
import { Interrupted } from './terminal.ts'

/** Which datasets of which store a command is to work on. */
export interface Selected {
  /** Without, or with the name of a dataset in its place: RIASTORE_STORE, or that of the clone. */
  readonly store?: string | undefined
  readonly datasets: readonly string[]
  readonly all?: boolean | undefined
  readonly jobs?: string | undefined
  readonly bwlimit?: string | undefined
}

/** The same, with what is said of shards and of runs that were cut; all else tells runs apart. */
export type Asked = Selected & PortionArgs

/**
 * Makes the question that is asked on a terminal before anything is changed; nobody is asked
 * without one.
 */
export type Question = (datasets: string, store: string) => string

export interface EachOptions {
  /** What the command is called in the summary of its JSON. */
  readonly action: string
  readonly question?: Question | undefined
  /** Through the store's URL to write, where it has one. Default: where a question is asked. */
  readonly forWriting?: boolean
  /** The names are wanted in text, too; else only the one by which a dataset was asked for. */
  readonly names?: boolean | undefined
  /** Finds a dataset by the name that was given. Default: one that is there. */
  readonly find?: typeof findDataset | undefined
}

/**
 * Opens the store and does `work` for each dataset that was named. One that fails is told in one
 * line, and the next one is gone on with. `work` resolves with an exit code; so does this, with
 * what they have in common. It is 1 when the question was answered with no. Of all datasets only
 * the next ones are held: what is listed later is as it is then.
 */
export async function forEachDataset(
  console: Console,
  selected: Asked,
  options: EachOptions,
  work: (dataset: StoredDataset, names: DatasetNames) => Promise<number>,
): Promise<number> {
  const { store: given, rest } = storeAndRest([
    ...(selected.store === undefined ? [] : [selected.store]),
    ...selected.datasets,
  ])
  const { action, question, forWriting = question !== undefined, find = findDataset } = options
  const limits = limitsOf(selected)
  const named = await parseStore(given, { forWriting })
  const isNamed = named.dataset !== undefined && !(named.ofClone && (selected.all || rest.length > 0))
  const asked = [...(isNamed ? [named.dataset ?? ''] : []), ...rest]
  if (asked.length === 0 && !selected.all) throw new ConfigError('which dataset? Give ids, ~aliases, or --all')
  if (asked.length > 0 && selected.all) throw new ConfigError('--all and datasets that are named do not go together')
  if (question !== undefined && console.isTerminal) {
    const which = selected.all ? 'all datasets' : asked.join(', ')
    if (!(await console.confirm(question(which, named.shown)))) {
      console.note('nothing was changed')
      return EXIT.failed
    }
  }
  const portion = await Portion.open(console, action, named.shown, selected)
  const store = await openNamedStore(named, limits)
  const call = { signal: console.signal }
  const finder = new NameFinder(store, console.json || options.names === true, call)
  /** How many ended with each exit code. */
  const codes = new Map<number, number>()
  const count = (code: number) => codes.set(code, (codes.get(code) ?? 0) + 1)
  const worked = async (dataset: StoredDataset) => {
    try {
      return await work(dataset, await finder.namesOf(dataset))
    } catch (error) {
      throw isStoreError(error, 'denied') ? unwritable(store, error, dataset.directory) : error
    }
  }
  const attempt = async (name: string, find: () => Promise<StoredDataset>) => {
    try {
      const dataset = await find()
      if (!(await portion.has(dataset))) return
      console.detail(`${name}: ${dataset.where()}`)
      const code = await worked(dataset)
      count(code)
      await portion.done(dataset, code)
    } catch (error) {
      if (console.signal.reason instanceof Interrupted) throw console.signal.reason
      portion.failed()
      console.fail(error, { dataset: name })
      count(exitCodeOf(error))
    } finally {
      console.progress.clear()
    }
  }
  try {
    if (selected.all) {
      for await (const dataset of eachDataset(store, call)) await attempt(dataset.name, async () => dataset)
    }
    for (const name of asked) await attempt(name, () => find(store, name, call))
    const of = (code: number) => codes.get(code) ?? 0
    const datasets = [...codes.values()].reduce((sum, each) => sum + each, 0)
    const [done, problems] = [of(EXIT.done), of(EXIT.problems)]
    const failed = datasets - done - problems
    console.emit({ type: 'summary', action, datasets, failed, problems, ...portion.summary })
    await portion.end()
    return commonExit([...codes.keys(), ...portion.resumed.map(({ code }) => code)])
  } finally {
    await store.close()
  }
}
