import { isStoreError } from '../../core/errors.ts'
import { bufferSource } from '../../core/source.ts'
import { readSmall } from '../../store/read-small.ts'
import type { CallOptions, GetOptions, PutOptions, Stat, Store } from '../../store/store.ts'
import { temporaryName } from '../../store/temporary.ts'

/** More than any of our files has. Bytes. */
const LIMIT_BYTES = 16 * 1024 * 1024

/** Files of our own below a temporary name in the store's root: all of them go again. */
export class Scratch {
  readonly store: Store
  readonly directory = temporaryName()
  readonly call: CallOptions
  readonly #paths = new Set<string>()
  /** The root of the store is made when it is not there. */
  readonly makeRoot: boolean
  readonly #places: PutOptions

  /** `makeRoot`: otherwise a store whose root is gone gets none. */
  constructor(store: Store, signal: AbortSignal | undefined, { makeRoot }: { readonly makeRoot: boolean }) {
    this.store = store
    this.makeRoot = makeRoot
    // What the backend keeps for further uploads lies in the root, so that the directory can go.
    this.#places = makeRoot ? { temporary: '' } : { temporary: '', within: '' }
    this.call = { signal }
  }

  /** The path for a file that is to be removed in the end. */
  path(name: string): string {
    const path = `${this.directory}/${name}`
    this.#paths.add(path)
    return path
  }

  put(path: string, content: Uint8Array | string, options: PutOptions = {}): Promise<Stat> {
    return this.store.put(path, bufferSource(content), { ...this.call, ...this.#places, ...options })
  }

  read(path: string, options: GetOptions = {}): Promise<Buffer> {
    return readSmall(this.store, path, LIMIT_BYTES, { ...this.call, ...options })
  }

  /**
   * Removes everything, also when we were told to stop. Throws the first error, after all were
   * tried; a store that is gone is not tried again.
   */
  async clear(): Promise<void> {
    let first: unknown
    for (const path of this.#paths) {
      try {
        await this.store.remove(path, { pruneParents: 1 })
      } catch (error) {
        first ??= error
        if (isStoreError(error, 'unreachable')) break
      }
    }
    if (first !== undefined) throw first
  }
}
