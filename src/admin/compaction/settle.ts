import { chunksOf, forEachParallel } from '../../core/parallel.ts'
import { objectsDirectory } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { listTombstones } from '../../ria/layout/tombstones.ts'
import type { CallOptions, Stat, Store } from '../../store/store.ts'
import type { Changes, Doomed, Needed } from '../lock/changes.ts'
import { type LooseKey, type LooseTable, STATE } from './loose-table.ts'

/** So many files are looked up with one call. */
const LOOKS_AT_ONCE = 128

export interface SettleOptions extends CallOptions {
  readonly onKey?: (() => void) | undefined
}

/**
 * Before the swap: a key that was packed and is not loose any more was dropped meanwhile. Our own
 * clients leave a tombstone then, for they see the lock; for all others it is written here. It must
 * not be written after the swap: a client that stored the key again would see it in the new
 * archive, without a tombstone, and leave it at that.
 */
export async function markDropped(
  dataset: StoredDataset,
  changes: Changes,
  keys: LooseTable,
  needed: Needed,
  { signal }: SettleOptions,
): Promise<void> {
  const call = { signal }
  let dropped: ReadonlySet<string> | undefined
  await inChunks(dataset.store, keys.in(STATE.packed), async (chunk) => {
    // Looked at after the proof: whoever takes the lock from us makes keys loose, and archived.
    await changes.whileProven(needed, async (proven) => {
      for (const { key, stat, twin } of await lookAt(dataset, chunk, call)) {
        if (stat !== undefined || twin !== undefined || keys.isArchived(key.number)) continue
        dropped ??= await listTombstones(dataset, call)
        if (!dropped.has(key.fileName)) await changes.markDropped(key.fileName, proven)
      }
    })
  })
}

/**
 * After the swap: removes the loose copies of keys that are in the archive, and notes in the table
 * what is gone. One that was replaced since it was
 * packed stays, and so does one with a tombstone: its key was dropped and is being stored again,
 * which the next run sees through. Throws `conflict`, and removes nothing more, when the lock is
 * not ours any more or the archive not the one that is `needed`.
 */
export async function removeLoose(
  dataset: StoredDataset,
  changes: Changes,
  keys: LooseTable,
  needed: Needed,
  { signal, onKey }: SettleOptions,
): Promise<void> {
  const call = { signal }
  const dropped = await listTombstones(dataset, call)
  const objects = objectsDirectory(dataset.directory)
  await inChunks(dataset.store, archived(keys), async (chunk) => {
    const places: Doomed[] = []
    const twins: Doomed[] = []
    await changes.whileProven(needed, async (proven) => {
      for (const { key, stat, twin } of await lookAt(dataset, chunk, call)) {
        if (stat === undefined) keys.setGone(key.number, 'copy')
        if (twin === undefined && key.twin !== undefined) keys.setGone(key.number, 'twin')
        if (dropped.has(key.fileName)) continue
        if (stat !== undefined && stat.identity === key.identity)
          places.push({ path: `${objects}/${key.place}`, identity: stat.identity })
        if (twin !== undefined && twin.identity === key.twin?.identity)
          twins.push({ path: `${objects}/${key.twin.place}`, identity: twin.identity })
      }
      // Both have the same name: one after the other.
      for (const doomed of [twins, places].filter(({ length }) => length > 0)) {
        const removed = await changes.removeCopies(doomed.splice(0), proven)
        for (const { number, place, twin } of chunk) {
          if (removed.has(`${objects}/${place}`)) keys.setGone(number, 'copy')
          if (twin !== undefined && removed.has(`${objects}/${twin.place}`)) keys.setGone(number, 'twin')
        }
      }
    })
    for (const _key of chunk) onKey?.()
  })
}

function* archived(keys: LooseTable): IterableIterator<LooseKey> {
  yield* keys.in(STATE.packed)
  yield* keys.in(STATE.already)
}

/** Does `work` with some keys at a time. */
function inChunks(store: Store, keys: Iterable<LooseKey>, work: (chunk: readonly LooseKey[]) => Promise<void>) {
  return forEachParallel(chunksOf(keys, LOOKS_AT_ONCE), Math.ceil(store.traits.maxInFlight / LOOKS_AT_ONCE), work)
}

interface Looked {
  readonly key: LooseKey
  readonly stat: Stat | undefined
  readonly twin: Stat | undefined
}

async function lookAt(
  dataset: StoredDataset,
  chunk: readonly LooseKey[],
  call: CallOptions,
): Promise<readonly Looked[]> {
  const objects = objectsDirectory(dataset.directory)
  const twins = chunk.filter(({ twin }) => twin !== undefined)
  const places = [...chunk.map(({ place }) => place), ...twins.map(({ twin, place }) => twin?.place ?? place)]
  const paths = places.map((place) => `${objects}/${place}`)
  const found = await lookUp(dataset.store, paths, call)
  const twinStats = new Map(twins.map((key, i) => [key, found[chunk.length + i]]))
  return chunk.map((key, i) => ({ key, stat: found[i], twin: twinStats.get(key) }))
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
