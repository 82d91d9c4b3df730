import { forEachParallel } from '../../core/parallel.ts'
import { fileNameOf, keyAtPlace, objectsDirectory } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Entry } from '../../store/store.ts'
import { isTemporaryName } from '../../store/temporary.ts'
import { withStrictLinks } from '../../store/wrappers/strict-links.ts'
import { StoredKeys } from '../inventory/stored-keys.ts'
import { KeysThere } from './keys-there.ts'

/** Keys that are moved after one look at the locks. No more are held at once. */
const AT_ONCE = 200

export interface GoneKeys {
  readonly keys: number
  readonly bytes: number
}

/**
 * Puts keys of the copy aside, each if it is still this one and `mayGo` says so just before. Gives
 * those that went.
 */
export type PutAside = (
  copy: StoredDataset,
  entries: readonly Entry[],
  mayGo: (entry: Entry) => Promise<boolean>,
) => Promise<readonly Entry[]>

export interface GoneOptions extends CallOptions {
  readonly dryRun?: boolean | undefined
  /** Of both layouts. */
  readonly version: string
  /** Called with some at once. */
  readonly putAside: PutAside
}

/**
 * Puts loose keys of a copy aside that the original has not: neither loose nor in its archive, as
 * its store has proven, and proves again just before each goes. Throws StoreError.
 */
export async function trashGoneKeys(
  given: StoredDataset,
  copy: StoredDataset,
  { dryRun = false, version, putAside, ...call }: GoneOptions,
): Promise<GoneKeys> {
  const from = given.through(withStrictLinks)
  const original = await KeysThere.open(from, call)
  const keys = StoredKeys.of(from, version, undefined)
  const top = objectsDirectory(copy.directory)
  const keyOf = ({ path }: Entry) => keyAtPlace(path.slice(top.length + 1))?.key
  const isGone = async (entry: Entry) => {
    const key = keyOf(entry)
    return key !== undefined && !(await keys.has(key, call))
  }
  let [count, bytes] = [0, 0]
  const take = async (some: readonly Entry[]) => {
    const proven: Entry[] = []
    await forEachParallel(some, from.store.traits.maxInFlight, async (entry) => {
      if (await isGone(entry)) proven.push(entry)
    })
    const went = dryRun || proven.length === 0 ? proven : await putAside(copy, proven, isGone)
    count += went.length
    for (const { size } of went) bytes += size
  }
  try {
    let some: Entry[] = []
    for await (const entry of copy.store.list(top, { ...call, strictLinks: true })) {
      const place = entry.path.slice(top.length + 1)
      if (isTemporaryName(fileNameOf(entry.path)) || keyOf(entry) === undefined) continue
      if ((await original.near(place)).has(place)) continue
      some.push(entry)
      if (some.length < AT_ONCE) continue
      await take(some)
      some = []
    }
    await take(some)
    return { keys: count, bytes }
  } finally {
    await keys.close()
  }
}
