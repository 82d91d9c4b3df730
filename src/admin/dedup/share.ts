import { rm } from 'node:fs/promises'
import { parseKey } from '../../core/key.ts'
import { toFsPath } from '../../core/text.ts'
import { requireRemovable } from '../../ria/layout/append-only.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { localError } from '../../store/local/errors.ts'
import type { CallOptions, Entry } from '../../store/store.ts'
import { temporaryName } from '../../store/temporary.ts'
import { withStrictLinks } from '../../store/wrappers/strict-links.ts'
import { Changes } from '../lock/changes.ts'
import { type Lock, withLock } from '../lock/lock.ts'
import { moveAgain } from '../lock/move-again.ts'
import {
  cloneFile,
  copyWhole,
  type Facts,
  factsOf,
  haveSameContent,
  isLikeFile,
  isOneFile,
  linkFile,
  makeAlike,
} from './files.ts'

/**
 * What became of a copy: it has the bytes of another one now (`reflink`, `hardlink`), or its own
 * again (`own`); it had them (`done`); it stays as it is since the bytes are not the same
 * (`different`), owner, mode or file system are not (`unlike`), or somebody changed it (`changed`).
 */
export type Outcome = 'reflink' | 'hardlink' | 'own' | 'done' | 'different' | 'unlike' | 'changed'

/** How the files of a dataset are changed, while its lock is held. */
export interface Sharing {
  /** Gives a copy of a key the bytes of another one, which is at an absolute path. */
  share(key: string, entry: Entry, keeper: string): Promise<Outcome>
  /** Gives a copy that has several names bytes of its own. */
  separate(key: string, entry: Entry): Promise<Outcome>
}

/** Makes a reflink; false: it cannot. */
export type Clone = (from: string, to: string) => Promise<boolean>

export interface SharingOptions extends CallOptions {
  readonly breakLock?: boolean | undefined
  /** Default: the file system. */
  readonly clone?: Clone | undefined
}

/**
 * Does `work` under the lock of a dataset on this machine. Each file that takes the place of
 * another one was made in the directory of the lock's holder; both were read whole just before, and
 * the one that is replaced has to be what was listed. Throws StoreError.
 */
export async function withSharing<T>(
  given: StoredDataset,
  { breakLock, clone = cloneFile, signal }: SharingOptions,
  work: (sharing: Sharing) => Promise<T>,
): Promise<T> {
  const dataset = given.through(withStrictLinks)
  await requireRemovable(dataset, 'replace files of', { signal })
  return withLock(dataset, { signal, breakLock }, (lock, held) =>
    work(new LockedFiles(dataset, lock, clone, { signal: held })),
  )
}

class LockedFiles implements Sharing {
  readonly #dataset: StoredDataset
  readonly #lock: Lock
  readonly #changes: Changes
  readonly #clone: Clone
  readonly #call: CallOptions

  constructor(dataset: StoredDataset, lock: Lock, clone: Clone, call: CallOptions) {
    this.#dataset = dataset
    this.#lock = lock
    this.#changes = new Changes(dataset, lock, call)
    this.#clone = clone
    this.#call = call
  }

  share(key: string, entry: Entry, keeper: string): Promise<Outcome> {
    return this.#replace(entry, async (path, own, made) => {
      const kept = await factsOf(keeper)
      if (kept === undefined) return 'changed'
      if (isOneFile(kept, own)) return 'done'
      if (kept.size !== own.size || kept.dev !== own.dev) return kept.dev === own.dev ? 'different' : 'unlike'
      if (!(await haveSameContent(keeper, path, parseKey(key), this.#call.signal ?? undefined))) return 'different'
      const how = await this.#makeTwin(keeper, kept, own, made)
      const after = await factsOf(keeper)
      const isKept = after !== undefined && isOneFile(after, kept) && after.mtimeMs === kept.mtimeMs
      return isKept ? how : 'changed'
    })
  }

  separate(key: string, entry: Entry): Promise<Outcome> {
    return this.#replace(entry, async (path, own, made) => {
      if (own.links < 2) return 'done'
      await copyWhole(path, made)
      if (!(await haveSameContent(path, made, parseKey(key), this.#call.signal ?? undefined))) return 'different'
      return (await makeAlike(made, own)) ? 'own' : 'unlike'
    })
  }

  async #makeTwin(keeper: string, kept: Facts, own: Facts, made: string): Promise<Outcome> {
    if (await this.#clone(keeper, made)) return (await makeAlike(made, own)) ? 'reflink' : 'unlike'
    // Their time is one then: a key never becomes older than it is (riastore unused).
    if (!isLikeFile(kept, own) || kept.mtimeMs < own.mtimeMs || !(await linkFile(keeper, made))) return 'unlike'
    const linked = await factsOf(made)
    return linked !== undefined && isOneFile(linked, kept) ? 'hardlink' : 'changed'
  }

  /** `make` makes the new file; it takes its place if the old one is still what was listed. */
  async #replace(
    { path, identity }: Entry,
    make: (path: string, own: Facts, made: string) => Promise<Outcome>,
  ): Promise<Outcome> {
    const { store, directory } = this.#dataset
    const made = `${this.#lock.holder.path}/${temporaryName()}`
    const [old, fresh] = [path, made].map((each) => this.#dataset.where(each))
    try {
      const own = await factsOf(old ?? '')
      if (own === undefined) return 'changed'
      const outcome = await make(old ?? '', own, fresh ?? '')
      if (outcome !== 'reflink' && outcome !== 'hardlink' && outcome !== 'own') return outcome
      const isDone = await this.#changes.whileProven('whichever', async (call) => {
        if ((await store.stat(path, this.#call))?.identity !== identity) return false
        return moveAgain(store, made, path, { ...call, within: directory })
      })
      return isDone ? outcome : 'changed'
    } catch (error) {
      throw localError(error, 'dedup', old ?? '')
    } finally {
      await rm(toFsPath(fresh ?? ''), { force: true })
    }
  }
}
