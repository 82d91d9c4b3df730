import { removeFiles } from '../../store/remove-files.ts'
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
  await lookAtAll(store, directory, packed, call, async (looked) => {
    for (const { key, stat, twin } of looked) {
      if (stat === undefined && twin === undefined && !archivedBefore.has(key.fileName)) gone.push(key)
    }
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
  let count = 0
  await lookAtAll(store, directory, packed, call, async (looked) => {
    const places: string[] = []
    for (const { key, stat, twin } of looked) {
      onKey?.()
      if (dropped.has(key.fileName)) continue
      const mine = stat === undefined || stat.identity === key.identity
      const other = twin === undefined || twin.identity === key.twin?.identity
      if (stat !== undefined && mine) places.push(key.place)
      if (twin !== undefined && key.twin !== undefined && other) places.push(key.twin.place)
      if (mine && other) count += 1
    }
    const paths = places.map((place) => `${objectsDirectory(directory)}/${place}`)
    // The key's own directory and both hash directories: who archives has too few inodes.
    await removeFiles(store, paths, { ...call, pruneParents: 3 })
  })
  return count
}

interface Looked {
  readonly key: LooseKey
  readonly stat: Stat | undefined
  readonly twin: Stat | undefined
}

async function lookAtAll(
  store: Store,
  directory: string,
  keys: readonly LooseKey[],
  call: CallOptions,
  work: (looked: readonly Looked[]) => Promise<void>,
): Promise<void> {
  const objects = objectsDirectory(directory)
  await forEachParallel(
    chunksOf(keys, LOOKS_AT_ONCE),
    Math.ceil(store.traits.maxInFlight / LOOKS_AT_ONCE),
    async (chunk) => {
      const twins = chunk.filter(({ twin }) => twin !== undefined)
      const places = [...chunk.map(({ place }) => place), ...twins.map(({ twin, place }) => twin?.place ?? place)]
      const paths = places.map((place) => `${objects}/${place}`)
      const found = await lookUp(store, paths, call)
      const twinStats = new Map(twins.map((key, i) => [key, found[chunk.length + i]]))
      await work(chunk.map((key, i) => ({ key, stat: found[i], twin: twinStats.get(key) })))
    },
  )
}

/** The order does not matter here: a key is not on its way while it is settled. */
async function lookUp(
  store: Store,
  paths: readonly string[],
  call: CallOptions,
): Promise<readonly (Stat | undefined)[]> {
  if (store.traits.looksTogether || store.traits.local) return store.statAll(paths, call)
  const found: (Stat | undefined)[] = []
  await forEachParallel(paths.entries(), store.traits.maxInFlight, async ([i, path]) => {
    found[i] = await store.stat(path, call)
  })
  return found
}
