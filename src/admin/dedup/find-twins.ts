import { isMutable, parseKey } from '../../core/key.ts'
import { eachDataset } from '../../ria/layout/datasets.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Entry, Store } from '../../store/store.ts'
import { withStrictLinks } from '../../store/wrappers/strict-links.ts'
import { looseFiles } from '../inventory/count-keys.ts'
import { Fingerprints } from '../inventory/fingerprints.ts'

/** A loose copy of a key that has others. */
export interface Twin {
  readonly key: string
  readonly dataset: StoredDataset
  readonly entry: Entry
}

export interface TwinsOptions extends CallOptions {
  /** Called with how many keys were seen, in two rounds. */
  readonly onKeys?: ((seen: number) => void) | undefined
}

/**
 * The loose keys that a store has several times, in one dataset or in several: by key, all copies.
 * Only these are held in memory. Throws StoreError.
 */
export async function findTwins(
  given: Store,
  { onKeys, ...call }: TwinsOptions,
): Promise<ReadonlyMap<string, readonly Twin[]>> {
  const store = withStrictLinks(given)
  let seen = 0
  const each = async (look: (twin: Twin) => void) => {
    for await (const dataset of eachDataset(store, call)) {
      for await (const { key, entry } of looseFiles(dataset, call)) {
        look({ key, dataset, entry })
        onKeys?.(++seen)
      }
    }
  }
  const counts = new Fingerprints()
  await each(({ key }) => counts.set(key, counts.get(key) === undefined ? 1 : 2))
  const twins = new Map<string, Twin[]>()
  await each((twin) => {
    if (counts.get(twin.key) !== 2 || isMutable(parseKey(twin.key))) return
    twins.set(twin.key, [...(twins.get(twin.key) ?? []), twin])
  })
  return twins
}
