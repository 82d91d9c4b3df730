import type { Argv } from 'yargs'
import { ConfigError, isStoreError, messageOf } from '../core/errors.ts'
import { allDatasets, findDataset } from '../ria/layout/datasets.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import { unwritable } from '../store/unwritable.ts'
import { type Console, Interrupted } from './console.ts'
import { openNamedStore, parseStore, storeAndRest } from './open-store.ts'

export interface Selected {
  /** Without, or with the name of a dataset in its place: RIASTORE_STORE, or that of the clone. */
  readonly store?: string | undefined
  readonly datasets: readonly string[]
  readonly all?: boolean | undefined
  /** Through the store's URL to write, where it has one. Default: where a question is asked. */
  readonly forWriting?: boolean
}

/** The option by which a command is told to work on all datasets. */
export const SELECT = {
  all: { type: 'boolean', describe: 'all datasets of the store' },
} as const

export const DRY_RUN = {
  'dry-run': { type: 'boolean', alias: 'n', describe: 'say what would be done, and do nothing' },
} as const

export const JSON_LINES = {
  json: { type: 'boolean', describe: 'print JSON: a line per dataset' },
} as const

/** The options of commands that change archives. */
export const CAREFUL = {
  yes: { type: 'boolean', alias: 'y', describe: 'do not ask; without a terminal nobody is asked' },
  'break-lock': { type: 'boolean', describe: 'take the lock of a run that is no longer alive' },
} as const

/** What all commands begin with that take a store and datasets in it. */
export function selecting<T>(parser: Argv<T>, usage: string) {
  return parser
    .usage(usage)
    .positional('store', { type: 'string', demandOption: true, describe: 'URL or directory of the store' })
    .positional('datasets', { type: 'string', array: true, describe: 'ids and ~aliases' })
}

/**
 * Makes the question that is asked on a terminal before anything is changed; nobody is asked
 * without one.
 */
export type Question = (datasets: string, store: string) => string

/**
 * Opens the store and does `work` for each dataset that was named. One that fails is told in one
 * line, and the next one is gone on with. Resolves with the exit code: 1 when `work` threw or gave
 * false for any, or the question was answered with no.
 */
export async function forEachDataset(
  console: Console,
  selected: Selected,
  work: (dataset: StoredDataset) => Promise<boolean>,
  question?: Question | undefined,
): Promise<number> {
  const { store: given, rest } = storeAndRest([
    ...(selected.store === undefined ? [] : [selected.store]),
    ...selected.datasets,
  ])
  const named = await parseStore(given, { forWriting: selected.forWriting ?? question !== undefined })
  const isNamed = named.dataset !== undefined && !(named.ofClone && (selected.all || rest.length > 0))
  const names = [...(isNamed ? [named.dataset ?? ''] : []), ...rest]
  if (names.length === 0 && !selected.all) throw new ConfigError('which dataset? Give ids, ~aliases, or --all')
  if (names.length > 0 && selected.all) throw new ConfigError('--all and datasets that are named do not go together')
  if (question !== undefined && console.isTerminal) {
    const which = selected.all ? 'all datasets' : names.join(', ')
    if (!(await console.confirm(question(which, named.shown)))) {
      console.note('nothing was changed')
      return 1
    }
  }
  const store = await openNamedStore(named)
  let code = 0
  const attempt = async (name: string, task: () => Promise<boolean>) => {
    try {
      if (!(await task())) code = 1
    } catch (error) {
      if (console.signal.reason instanceof Interrupted) throw console.signal.reason
      console.fail(`${name}: ${messageOf(error)}`)
      code = 1
    }
  }
  const worked = (dataset: StoredDataset) =>
    work(dataset).catch((error: unknown) => {
      throw isStoreError(error, 'denied') ? unwritable(store, error, dataset.directory) : error
    })
  try {
    const call = { signal: console.signal }
    const datasets = selected.all ? await allDatasets(store, call) : undefined
    for (const dataset of datasets ?? []) await attempt(dataset.name, () => worked(dataset))
    for (const name of names) await attempt(name, async () => worked(await findDataset(store, name, call)))
    return code
  } finally {
    await store.close()
  }
}
