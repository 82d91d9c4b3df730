import { ConfigError } from '../../../core/errors.ts'
import type { Store } from '../../../store/store.ts'
import { openNamedStore, parseStore, storeAndRest } from '../../open-store.ts'

/** What a command about aliases wants besides a store. */
export interface AliasWords {
  /** How many words. */
  readonly count: number
  /** What is said where there are others. */
  readonly wanted: string
  /** A dataset that the name of the store ends with is the first of the words. */
  readonly takesDataset?: boolean
  readonly forWriting: boolean
}

/**
 * Opens the store that the words begin with (see `storeAndRest`) for as long as `work` goes on,
 * which gets the others. Throws ConfigError where there are too many or too few.
 */
export async function withAliasStore(
  given: readonly string[],
  { count, wanted, takesDataset = false, forWriting }: AliasWords,
  work: (store: Store, words: readonly string[]) => Promise<number>,
): Promise<number> {
  const { store: name, rest } = storeAndRest(given)
  const named = await parseStore(name, { forWriting })
  const dataset = named.ofClone ? undefined : named.dataset
  if (dataset !== undefined && !takesDataset) throw new ConfigError(`leave #${dataset} away`)
  const words = [...(dataset === undefined ? [] : [dataset]), ...rest]
  if (words.length !== count) throw new ConfigError(wanted)
  const store = await openNamedStore(named)
  try {
    return await work(store, words)
  } finally {
    await store.close()
  }
}
