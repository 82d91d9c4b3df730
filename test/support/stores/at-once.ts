import { StoreError } from '../../../src/core/errors.ts'
import { collect, type Source } from '../../../src/core/source.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import type { PutOptions, Store } from '../../../src/store/store.ts'
import { withMethods } from './stores.ts'

/** What may be stored at once. Bytes. */
const SMALL_BYTES = 64 * 1024

/** A store that does all that it can at once, and the rest as `store` does. */
export function atOnceWhereItCan(store: Store): Store {
  const lookAtOnce = (paths: readonly string[]) => store.atOnce?.statAll(paths)
  return withMethods(store, {
    stat: async (path, options) => {
      if (isPlain(options)) {
        const stats = lookAtOnce([path])
        if (stats !== undefined) return stats[0]
      }
      return store.stat(path, options)
    },
    statAll: async (paths, options) =>
      (isPlain(options) ? lookAtOnce(paths) : undefined) ?? store.statAll(paths, options),
    put: async (path, source, options) => {
      const content = isPlain(options) ? await smallContent(source, options) : undefined
      if (content instanceof StoreError) return store.put(path, failing(source.size, content), options)
      const stat = content && (await store.atOnce?.put(path, content, options ?? {}))
      return stat ?? store.put(path, source, options)
    },
    remove: async (path, options) => {
      const isDone = isPlain(options) && store.atOnce?.remove(path, options?.pruneParents ?? 0) === true
      if (!isDone) await store.remove(path, options)
    },
  })
}

/** Nothing is asked that only the ordinary way knows. */
function isPlain({ signal, mayChange, ifAbsent, readers, onProgress, strictLinks }: PutOptions = {}): boolean {
  const asked = [mayChange, readers, onProgress]
  return !signal?.aborted && ifAbsent !== true && strictLinks !== true && asked.every((each) => each === undefined)
}

/** Undefined for what is not small, or not as long as it says. A source may be read once only. */
async function smallContent(
  source: Source,
  options: PutOptions | undefined,
): Promise<Uint8Array | StoreError | undefined> {
  if (source.size > SMALL_BYTES) return undefined
  try {
    const content = await collect(source.open(options?.signal), SMALL_BYTES)
    return content.length === source.size ? content : undefined
  } catch (error) {
    return error instanceof StoreError ? error : undefined
  }
}

function failing(size: number, error: StoreError): Source {
  return {
    size,
    open: () => {
      throw error
    },
  }
}

/** A store on a disk that was used before, so that it knows that it is on one. */
export async function openUsedStore(root: string): Promise<Store> {
  const store = openLocalStore({ root })
  await store.stat('nothing')
  return store
}
