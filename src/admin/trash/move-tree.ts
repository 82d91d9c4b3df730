import { isStoreError } from '../../core/errors.ts'
import { chunksOf, forEachParallel } from '../../core/parallel.ts'
import { bufferSource } from '../../core/source.ts'
import type { CallOptions, Entry, Sharing, Store } from '../../store/store.ts'
import { temporaryName } from '../../store/temporary.ts'

/** Files that are moved after one look at the lock. */
const AT_ONCE = 500

/** So often others may store something meanwhile. */
const TRIES = 5

export interface MoveTreeOptions extends CallOptions {
  /** What stays where it is, by its path. */
  readonly stays?: ((path: string) => boolean) | undefined
  /** Files that are moved before all others, or after them, by their names in `from`. */
  readonly first?: string | undefined
  readonly last?: string | undefined
  /** Directories are made only below this one. */
  readonly within: string
  readonly sharing?: Sharing | undefined
  /** Does work while it is proven that we may. */
  readonly whileProven: (work: (call: CallOptions) => Promise<void>) => Promise<void>
}

/**
 * Moves all files below a directory, each in one step where the store can, else by a copy that is
 * looked at before the original goes. Goes on where another run was broken off.
 */
export async function moveTree(store: Store, from: string, to: string, options: MoveTreeOptions): Promise<void> {
  const { stays = () => false, first, last, within, sharing, whileProven, signal } = options
  const target = (path: string) => `${to}/${path.slice(from.length + 1)}`
  const move = async (path: string, call: CallOptions) => {
    const pruneParents = path.split('/').length - from.split('/').length - 1
    try {
      await store.move(path, target(path), { ...call, within, sharing, pruneParents, flush: false })
    } catch (error) {
      // It is gone, or there is no directory any more that would take it.
      if (!isStoreError(error, 'missing') || (await store.stat(path, { signal })) !== undefined) throw error
    }
  }
  const moveOne = async (name: string | undefined) => {
    if (name === undefined || (await store.stat(`${from}/${name}`, { signal })) === undefined) return
    await whileProven((call) => move(`${from}/${name}`, call))
  }
  await moveOne(first)
  for (let tries = 1; tries <= TRIES; tries++) {
    const found = (await filesIn(store, from, { signal })).filter(
      ({ path }) => !stays(path) && path !== `${from}/${last}`,
    )
    if (found.length === 0) break
    for (const some of chunksOf(found, AT_ONCE)) {
      await whileProven((call) => forEachParallel(some, store.traits.maxInFlight, ({ path }) => move(path, call)))
    }
  }
  await moveOne(last)
}

export async function filesIn(store: Store, directory: string, call: CallOptions): Promise<Entry[]> {
  const found: Entry[] = []
  for await (const entry of store.list(directory, call)) found.push(entry)
  return found
}

/** Removes directories with nothing in them but directories. Object stores have none. */
export async function removeEmptyDirectories(store: Store, directory: string, call: CallOptions): Promise<void> {
  if (store.traits.flat) return
  let isEmpty = true
  for await (const { path, file } of store.children(directory, call)) {
    isEmpty = false
    if (file === undefined) await removeEmptyDirectories(store, path, call)
  }
  if (!isEmpty) {
    for await (const _child of store.children(directory, call)) return
  }
  // A store has no call that removes a directory: one goes with the last file in it.
  const file = `${directory}/${temporaryName()}`
  try {
    await store.put(file, bufferSource(''), { ...call, within: directory })
  } catch (error) {
    if (isStoreError(error, 'missing')) return
    throw error
  }
  await store.remove(file, { ...call, pruneParents: 1 })
}
