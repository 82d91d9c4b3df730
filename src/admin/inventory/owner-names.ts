import { isStoreError } from '../../core/errors.ts'
import type { CallOptions, Store } from '../../store/store.ts'

/** Who the users of a store's machine are, by their numbers. */
export class OwnerNames {
  readonly #store: Store
  readonly #names = new Map<number, Promise<string>>()

  constructor(store: Store) {
    this.#store = store
  }

  /** The user's name, or the number where nobody can be asked. */
  nameOf({ uid }: { readonly uid: number }, call: CallOptions): Promise<string> {
    const name = this.#names.get(uid) ?? this.#ask(uid, call)
    this.#names.set(uid, name)
    return name
  }

  async #ask(uid: number, call: CallOptions): Promise<string> {
    if (!this.#store.traits.exec) return String(uid)
    try {
      const { code, stdout } = await this.#store.exec(['id', '-un', String(uid)], { ...call, cwd: '' })
      return (code === 0 && stdout.toString().trim()) || String(uid)
    } catch (error) {
      if (!isStoreError(error, 'unsupported')) throw error
      return String(uid)
    }
  }
}
