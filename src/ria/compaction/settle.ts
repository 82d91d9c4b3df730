import type { CallOptions, Sharing, Stat, Store } from '../../store/store.ts'
import type { LooseKey } from './loose.ts'
import { chunksOf, forEachParallel } from './parallel.ts'
import { objectsDirectory } from './places.ts'
import { listTombstones, writeTombstone } from './tombstones.ts'

/** So many files are looked up with one call. */
const LOOKS_AT_ONCE = 128

export interface SettleOptions extends CallOptions {
  readonly sharing?: Sharing | undefined
  readonly onKey?: (() => void) | undefined
}

/**
 * Before the swap: a key that was packed and is not loose any more was dropped meanwhile. Our own clients leave a tombstone then, for they see
 * the lock; for all others it is written here. It must not be written after the swap: a client that stored the key again would see it in the new
 * archive, without a tombstone, and leave it at that.
 */
export async function markDropped(
  store: Store,
  directory: string,
  packed: readonly LooseKey[],
  archivedBefore: ReadonlySet<string>,
  { sharing, signal }: SettleOptions,
): Promise<void> {
  const call = signal ? { signal } : {}
  const gone: LooseKey[] = []
  await lookAtAll(store, directory, packed, call, async (key, stat, twin) => {
    if (stat === undefined && twin === undefined && !archivedBefore.has(key.fileName)) gone.push(key)
  })
  if (gone.length === 0) return
  const dropped = await listTombstones(store, directory, call)
  for (const { fileName } of gone) {
    if (!dropped.has(fileName)) await writeTombstone(store, directory, fileName, { ...call, sharing })
  }
}

/**
 * After the swap: removes the loose copies of archived keys. One that was replaced since it was packed stays, and so does one with a tombstone:
 * its key was dropped and is being stored again, which the next run sees through. Gives the number of keys that are not loose any more.
 */
export async function removeLoose(
  store: Store,
  directory: string,
  packed: readonly LooseKey[],
  { signal, onKey }: SettleOptions,
): Promise<number> {
  const call = signal ? { signal } : {}
  const dropped = await listTombstones(store, directory, call)
  // The key's own directory and both hash directories: who archives has too few inodes.
  const remove = (place: string) =>
    store.remove(`${objectsDirectory(directory)}/${place}`, { ...call, pruneParents: 3 })
  let count = 0
  await lookAtAll(store, directory, packed, call, async (key, stat, twin) => {
    onKey?.()
    if (dropped.has(key.fileName)) return
    const mine = stat === undefined || stat.identity === key.identity
    const other = twin === undefined || twin.identity === key.twin?.identity
    if (stat !== undefined && mine) await remove(key.place)
    if (twin !== undefined && key.twin !== undefined && other) await remove(key.twin.place)
    if (mine && other) count += 1
  })
  return count
}

async function lookAtAll(
  store: Store,
  directory: string,
  keys: readonly LooseKey[],
  call: CallOptions,
  work: (key: LooseKey, stat: Stat | undefined, twin: Stat | undefined) => Promise<void>,
): Promise<void> {
  const objects = objectsDirectory(directory)
  const { maxInFlight } = store.traits
  await forEachParallel(chunksOf(keys, LOOKS_AT_ONCE), Math.ceil(maxInFlight / LOOKS_AT_ONCE), async (chunk) => {
    const twins = chunk.filter(({ twin }) => twin !== undefined)
    const places = [...chunk.map(({ place }) => place), ...twins.map(({ twin, place }) => twin?.place ?? place)]
    const found = await store.statAll(
      places.map((place) => `${objects}/${place}`),
      call,
    )
    const twinStats = new Map(twins.map((key, i) => [key, found[chunk.length + i]]))
    await forEachParallel(chunk.entries(), maxInFlight, ([i, key]) => work(key, found[i], twinStats.get(key)))
  })
}
