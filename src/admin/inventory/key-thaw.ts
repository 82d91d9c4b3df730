import { cacheDirectory } from '../../core/cache-directory.ts'
import { archivePath, keyPaths } from '../../ria/layout/paths.ts'
import { readLayout } from '../../ria/layout/read-layout.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Thaw, ThawRequest } from '../../store/store.ts'
import { StoredKeys } from './stored-keys.ts'

/** Where the content of a key is. */
export interface KeyThaw {
  readonly state: Thaw['state'] | 'absent'
  /** What is cold, or comes: an archive, where the key is in one. */
  readonly object?: Thaw & { readonly path: string }
}

/** Keys of a dataset that may lie in cold storage, loose or in an archive that lies there. */
export class KeyThaws {
  readonly #dataset: StoredDataset
  readonly #version: string
  readonly #ask: ThawRequest | undefined
  readonly #keys: StoredKeys
  #archive: Promise<Thaw | undefined> | undefined

  private constructor(dataset: StoredDataset, version: string, ask: ThawRequest | undefined) {
    this.#dataset = dataset
    this.#version = version
    this.#ask = ask
    this.#keys = StoredKeys.of(dataset, version, cacheDirectory())
  }

  /** `ask`: how what is cold is asked back; undefined: it is not. Throws StoreError. */
  static async open(dataset: StoredDataset, ask: ThawRequest | undefined, call: CallOptions): Promise<KeyThaws> {
    return new KeyThaws(dataset, (await readLayout(dataset, call)).dataset.version, ask)
  }

  /**
   * Finds a key, and asks for it where it is cold. `absent` is proven. Throws StoreError, also when
   * the server does not bring it back.
   */
  async look(key: string, call: CallOptions): Promise<KeyThaw> {
    const { store, directory } = this.#dataset
    if (store.thaw !== undefined) {
      for (const path of keyPaths(directory, this.#version, key)) {
        const found = await store.thaw(path, { ...call, ask: this.#ask })
        if (found !== undefined) return asKeyThaw(found, path)
      }
      const path = archivePath(directory)
      this.#archive ??= store.thaw(path, { ...call, ask: this.#ask })
      const archive = await this.#archive
      if (archive !== undefined && archive.state !== 'here') return asKeyThaw(archive, path)
    }
    return { state: (await this.#keys.has(key, call)) ? 'here' : 'absent' }
  }

  /** Time has passed: an archive that was cold may be here. */
  lookAgain(): void {
    this.#archive = undefined
  }

  /** Never rejects. */
  close(): Promise<void> {
    return this.#keys.close()
  }
}

function asKeyThaw(found: Thaw, path: string): KeyThaw {
  const { state } = found
  return state === 'here' ? { state } : { state, object: { ...found, path } }
}
