import { eachDataset, findDataset, realDirectory } from '../ria/layout/datasets.ts'
import { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { CallOptions, Store } from '../store/store.ts'
import type { Limits } from './limits.ts'
import { type NamedStoreOptions, openNamedStore, parseStore, storeAndRest } from './open-store.ts'
import type { Portion } from './portion.ts'

export interface StoreWordsOptions extends NamedStoreOptions {
  readonly limits?: Limits | undefined
}

/**
 * Opens the store that some words begin with, for as long as `work` goes on; it may be left out
 * (`storeAndRest`). A dataset that belongs to the store's name, `…#<id>`, is the first of the words
 * that `work` gets. Throws ConfigError.
 */
export async function withStoreOfWords<T>(
  words: readonly string[],
  work: (store: Store, rest: readonly string[]) => Promise<T>,
  { limits, ...options }: StoreWordsOptions = {},
): Promise<T> {
  const { store: name, rest } = storeAndRest(words)
  const named = await parseStore(name, options)
  const asked = named.dataset === undefined || named.ofClone ? rest : [named.dataset, ...rest]
  const store = await openNamedStore(named, limits)
  try {
    return await work(store, asked)
  } finally {
    await store.close()
  }
}

/**
 * The datasets that were named, by where they really lie; all of the store if none was. Of them,
 * those of a portion.
 */
export async function* namedOrAll(
  store: Store,
  names: readonly string[],
  portion: Portion,
  call: CallOptions,
): AsyncGenerator<StoredDataset, void, void> {
  if (names.length === 0) yield* portion.of(eachDataset(store, call))
  for (const name of names) {
    const dataset = await findDataset(store, name, call)
    const real = new StoredDataset(store, (await realDirectory(dataset, call)) ?? dataset.directory, name)
    if (await portion.has(real)) yield real
  }
}
