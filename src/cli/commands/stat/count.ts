import { TotalsCounter } from '../../../admin/inventory/totals.ts'
import { findUnused } from '../../../admin/unused/find-unused.ts'
import { isStoreError, messageOf } from '../../../core/errors.ts'
import { readAppendOnly } from '../../../ria/layout/append-only.ts'
import { LAYOUT_FILE } from '../../../ria/layout/paths.ts'
import type { StoredDataset } from '../../../ria/layout/stored-dataset.ts'
import type { CallOptions, Store } from '../../../store/store.ts'
import type { Console } from '../../console.ts'
import { idOf, NameFinder } from '../../dataset-names.ts'
import { EXIT } from '../../exit-codes.ts'
import type { Portion } from '../../portion.ts'
import { namedOrAll } from '../../store-words.ts'
import { type Counted, isCounted, type StoreFacts } from './counted.ts'

/** Keys that came later are not called unused, as `riastore unused` has it. ms. */
const GRACE_MS = 14 * 86_400_000

export interface CountOptions {
  /** Those that were asked for; none: all. */
  readonly names: readonly string[]
  /** What all refs name is read, too. */
  readonly unused: boolean
  /** Called for each as soon as it was counted. */
  readonly found: (counted: Counted) => void
}

/**
 * Counts the datasets of a store. One that cannot be counted is told in one line. `failed`: how
 * many of them there were.
 */
export async function countDatasets(
  console: Console,
  store: Store,
  portion: Portion,
  { names, unused, found }: CountOptions,
): Promise<{ readonly counted: readonly Counted[]; readonly failed: number }> {
  const call = { signal: console.signal }
  const counter = new TotalsCounter()
  const finder = new NameFinder(store, true, call)
  const counted: Counted[] = []
  let failed = 0
  for await (const dataset of namedOrAll(store, names, portion, call)) {
    try {
      const totals = await counter.count(dataset, call)
      const keys = unused ? await countUnused(console, dataset, call) : {}
      const { aliases } = await finder.namesOf(dataset)
      const one = { dataset: idOf(dataset.directory), aliases, ...totals, ...keys }
      counted.push(one)
      await portion.done(dataset, EXIT.done, one)
      found(one)
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
  return { counted, failed }
}

/** Nothing where nobody can tell: a dataset without branches, or with a ref that cannot be read. */
async function countUnused(
  console: Console,
  dataset: StoredDataset,
  call: CallOptions,
): Promise<{ readonly unused?: number; readonly unusedBytes?: number }> {
  let [unused, unusedBytes] = [0, 0]
  try {
    const add = ({ size }: { readonly size: number }) => {
      unused += 1
      unusedBytes += size
    }
    await findUnused(dataset, add, { ...call, graceMs: GRACE_MS })
    return { unused, unusedBytes }
  } catch (error) {
    if (!isStoreError(error, 'unsupported', 'missing', 'corrupt')) throw error
    console.detail(`${dataset.name}: ${messageOf(error)}`)
    return {}
  }
}

/** What belongs to no dataset. */
export async function storeFacts(store: Store, call: CallOptions): Promise<StoreFacts> {
  const [said, keeping, free, trash] = await Promise.all([
    readAppendOnly(store, LAYOUT_FILE, call),
    orUndefined(async () => store.keeping?.(call)),
    orUndefined(() => store.freeBytes('', call)),
    orUndefined(async () => {
      let [files, bytes] = [0, 0]
      for await (const { size } of store.list('trash', call)) {
        files += 1
        bytes += size
      }
      return { trash: files, trashBytes: bytes }
    }),
  ])
  return { appendOnly: false, ...said, keeping, free, ...trash, flat: store.traits.flat === true }
}

/** The trash belongs to whoever removes, and not every server tells how much is free. */
async function orUndefined<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look()
  } catch (error) {
    if (!isStoreError(error, 'denied', 'unsupported', 'missing')) throw error
    return undefined
  }
}
