import { isStoreError } from '../../core/errors.ts'
import { fileNameOf } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Sharing } from '../../store/store.ts'
import type { Changes, Doomed, Proven } from './changes.ts'
import type { Lock } from './lock.ts'
import { moveAgain } from './move-again.ts'

interface ReplaceOptions extends CallOptions {
  readonly sharing?: Sharing | undefined
}

/**
 * How the holder of a lock puts good loose copies in the place of damaged ones, which are kept
 * elsewhere in the dataset. The rules of Changes hold: each change begins within a moment in which
 * the lock was seen to be ours. What lies on its way when the lock is taken away is put back where
 * it was, if nothing better is there. All throw `conflict` when the lock is not ours any more.
 */
export class Replacing {
  readonly #dataset: StoredDataset
  readonly #lock: Lock
  readonly #changes: Changes
  readonly #options: ReplaceOptions
  readonly #call: CallOptions

  constructor(dataset: StoredDataset, lock: Lock, changes: Changes, { sharing, signal }: ReplaceOptions) {
    this.#dataset = dataset
    this.#lock = lock
    this.#changes = changes
    this.#options = { sharing, signal }
    this.#call = { signal }
  }

  /** A file is renamed in one step; else what is to be kept has to be copied before. */
  get isFence(): boolean {
    return this.#lock.holder.isFence
  }

  /**
   * Takes a loose copy out of its place, to be kept as `to`, and puts the file `replacement` there,
   * if there is one: that was read back, and is a good copy of the same key. False, and nothing is
   * changed, when the copy is not what it was any more. Without a fence `to` is there already.
   */
  async setAside({ path, identity }: Doomed, to: string, replacement: string | undefined): Promise<boolean> {
    if (!this.isFence) return this.#replaceCopied({ path, identity }, to, replacement)
    const { store, directory } = this.#dataset
    const aside = `${this.#lock.holder.path}/${fileNameOf(path)}`
    const into = { within: directory, sharing: this.#options.sharing }
    const isSame = async () => (await store.stat(aside, this.#call))?.identity === identity
    return this.#changes.whileProven('whichever', async (call) => {
      // It is there already when the proof grew old half-way.
      if (!(await isSame())) {
        if (!(await moveAgain(store, path, aside, { ...call, flush: false }))) {
          await this.#lock.check(this.#call)
          return false
        }
        if (!(await isSame())) {
          const isNewer = (await store.stat(path, this.#call)) !== undefined
          await moveAgain(store, aside, isNewer ? to : path, { ...call, ...into })
          return false
        }
      }
      if (replacement !== undefined && !(await moveAgain(store, replacement, path, { ...call, ...into }))) {
        // Unless it is there since a try in which the proof grew old.
        if ((await store.stat(path, this.#call)) === undefined)
          await moveAgain(store, aside, path, { ...call, ...into })
      }
      if (await moveAgain(store, aside, to, { ...call, ...into })) return true
      await this.#lock.check(this.#call)
      throw this.#dataset.error('conflict', 'repair', 'the damaged copy was taken away meanwhile', { path, sent: 'no' })
    })
  }

  async #replaceCopied({ path, identity }: Doomed, to: string, replacement: string | undefined): Promise<boolean> {
    const { store } = this.#dataset
    await this.#requireKept(to)
    const isDone = await this.#changes.whileProven('whichever', async (call) => {
      if ((await store.stat(path, this.#call))?.identity !== identity) return false
      if (replacement === undefined) await store.remove(path, { ...call, pruneParents: 3 })
      else await this.#moveOver(replacement, path, call)
      return true
    })
    await this.#lock.check(this.#call)
    return isDone
  }

  /**
   * Puts a file, which was read back, over another in one step: nobody finds none in between. What
   * is there was copied to `kept` before. False, and nothing is changed, when it is not what it was
   * any more.
   */
  putOver(file: Doomed, kept: string, replacement: string): Promise<boolean> {
    return this.#replaceCopied(file, kept, replacement)
  }

  /**
   * Takes away a file that is no key, and that was copied to `kept` before: whoever takes the lock
   * from us does not know where it belongs, and throws it away. False, and nothing is changed, when
   * it is not what it was any more.
   */
  async removeKept({ path, identity }: Doomed, kept: string): Promise<boolean> {
    const { store } = this.#dataset
    await this.#requireKept(kept)
    return this.#changes.whileProven('whichever', async (call) => {
      const stat = await store.stat(path, this.#call)
      if (stat === undefined) return true // it was gone when the proof grew old
      if (stat.identity !== identity) return false
      return (await this.#changes.removeCopies([{ path, identity }], call, 0)).has(path)
    })
  }

  /** The same where files are renamed in one step, and without a copy: it may be large. */
  async renameAside(file: Doomed, to: string): Promise<boolean> {
    const { store, directory } = this.#dataset
    const into = { within: directory, sharing: this.#options.sharing }
    const isDone = await this.#changes.whileProven('whichever', async (call) => {
      const stat = await store.stat(file.path, this.#call)
      if (stat === undefined) return (await store.stat(to, this.#call)) !== undefined
      return stat.identity === file.identity && moveAgain(store, file.path, to, { ...call, ...into })
    })
    await this.#lock.check(this.#call)
    return isDone
  }

  /** Puts a good copy of a key, which was read back, where it belongs. */
  async putInPlace(from: string, path: string): Promise<void> {
    await this.#changes.whileProven('whichever', (call) => this.#moveOver(from, path, call))
    await this.#lock.check(this.#call)
  }

  async #requireKept(to: string): Promise<void> {
    if ((await this.#dataset.store.stat(to, this.#call)) !== undefined) return
    throw this.#dataset.error('missing', 'repair', 'the copy that is to be kept is gone', { path: to, sent: 'no' })
  }

  async #moveOver(from: string, to: string, call: Proven): Promise<void> {
    const { store, directory } = this.#dataset
    const options = { ...call, within: directory, sharing: this.#options.sharing }
    let isMoved: boolean
    try {
      isMoved = await moveAgain(store, from, to, options)
    } catch (error) {
      // Some SFTP servers rename only where nothing is in the way.
      if (!isStoreError(error, 'unsupported')) throw error
      await store.remove(to, call)
      isMoved = await moveAgain(store, from, to, options)
    }
    if (isMoved || (await store.stat(from, this.#call)) !== undefined) return
    // It was moved before, and the proof grew old then.
    if ((await store.stat(to, this.#call)) !== undefined) return
    throw this.#dataset.error('conflict', 'repair', 'what was to be put there is gone', { path: to, sent: 'no' })
  }
}
