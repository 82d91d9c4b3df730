import { setImmediate as nextTurn } from 'node:timers/promises'
import { isStoreError, type StoreError } from '../../core/errors.ts'
import { isRecent, type Moment } from '../../core/moment.ts'
import { chunksOf, forEachParallel } from '../../core/parallel.ts'
import { bufferSource } from '../../core/source.ts'
import { archivePath } from '../../ria/layout/paths.ts'
import { fileNameOf, punchedPath, tombstonePath } from '../../ria/layout/places.ts'
import { isPunched } from '../../ria/layout/punched.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { removeFiles } from '../../store/remove-files.ts'
import type { CallOptions, MoveOptions, Sharing, Stat } from '../../store/store.ts'
import { temporaryName } from '../../store/temporary.ts'
import { type Holder, newArchiveOf, oldArchiveOf, showActing } from './holder.ts'
import type { Lock } from './lock.ts'
import { moveAgain } from './move-again.ts'

/**
 * A change may begin for so long after the lock and the archive were looked at, by two clocks. Far
 * less than ACTING_MS. ms.
 */
export const PROOF_MS = 6_000

/**
 * So often in a row the last look may turn out to be too long ago: this process was stopped, or the
 * machine slept.
 */
const TRIES = 5

/** Files that are removed after one look. */
const AT_ONCE = 1000

/** The archive that has to be there, by its identity: none at all, or whichever. */
export type Needed = { readonly archive: string | undefined } | 'whichever'

/** A loose copy that is to go. */
export interface Doomed {
  readonly path: string
  /** As it has to be. */
  readonly identity: string
}

/** The call options of a change: they stop it when the last look is too long ago. */
export type Proven = CallOptions & { readonly mayChange: () => void }

interface ChangesOptions extends CallOptions {
  readonly sharing?: Sharing | undefined
}

/**
 * The one place from which the holder of a lock deletes and replaces. Each change begins within
 * PROOF_MS after the lock was seen to be ours and the archive to be the one that we know, and goes
 * through the holder's directory (holder.ts), where there are such: there it cannot succeed after
 * the lock was taken away. All throw `conflict` when the lock or the archive is not ours any more;
 * then nothing more is changed.
 */
export class Changes {
  readonly #dataset: StoredDataset
  readonly #lock: Lock
  readonly #holder: Holder
  readonly #sharing: Sharing | undefined
  readonly #call: CallOptions

  constructor(dataset: StoredDataset, lock: Lock, { sharing, signal }: ChangesOptions = {}) {
    this.#dataset = dataset
    this.#lock = lock
    this.#holder = lock.holder
    this.#sharing = sharing
    this.#call = { signal }
  }

  /**
   * Does `work`, which changes something, with the proof that we may. It may be called again when
   * that grew old meanwhile. A run of changes is a row of calls that do not wait, where the store
   * lies on a disk of this machine: who interrupts it, and what shows that we live, has its turn.
   */
  async whileProven<T>(needed: Needed, work: (call: Proven) => Promise<T>): Promise<T> {
    await nextTurn()
    await this.#lock.settled(this.#call.signal)
    for (let tries = 1; ; tries++) {
      let since = await this.#prove(needed)
      let isOld = false
      let failure: unknown
      const mayChange = () => {
        if (failure !== undefined) throw failure
        isOld = !isRecent(since, PROOF_MS, this.#lock.time)
        if (isOld) throw this.#error('too long ago that the lock was seen to be ours')
      }
      // What takes long is proven again and again.
      let proving: Promise<void> | undefined
      const timer = setInterval(() => {
        proving ??= this.#prove(needed)
          .then((now) => {
            since = now
          })
          .catch((error: unknown) => {
            if (isStoreError(error, 'conflict')) failure = error
          })
          .finally(() => {
            proving = undefined
          })
      }, PROOF_MS / 4)
      try {
        return await work({ ...this.#call, mayChange })
      } catch (error) {
        if (!isOld || tries === TRIES) throw error
      } finally {
        clearInterval(timer)
        await proving
      }
    }
  }

  /**
   * Removes loose copies of keys that are in the archive, or in nobody's way any more. Those that
   * are not what they were stay. Returns the paths that are gone.
   *
   * @param pruneParents how many directories go with them, if they are empty then: a key's own, and
   * both hash directories, for a store that is packed is short of inodes
   */
  async removeCopies(all: readonly Doomed[], call: Proven, pruneParents = 3): Promise<ReadonlySet<string>> {
    if (!this.#holder.isFence) {
      const paths = all.map(({ path }) => path)
      await removeFiles(this.#dataset.store, paths, { ...call, pruneParents })
      await this.#lock.check(this.#call)
      return new Set(paths)
    }
    const inside = (path: string) => `${this.#holder.path}/${fileNameOf(path)}`
    const paths = new Map(all.map(({ path }) => [path, inside(path)]))
    const gone = new Set<string>()
    await this.#putAside(paths, { ...call, pruneParents, flush: false }, async (aside) => {
      const stats = await this.#dataset.store.statAll(aside.map(inside), this.#call)
      const identities = new Map(all.map(({ path, identity }) => [path, identity]))
      for (const [i, path] of aside.entries()) {
        const stat = stats[i]
        if (stat === undefined || stat.identity === identities.get(path)) gone.add(path)
        else await this.#putBack(inside(path), path)
      }
      await removeFiles(this.#dataset.store, [...gone].map(inside), this.#call)
    })
    return gone
  }

  /**
   * Renames files into our directory. `paths` says from where to where. Afterwards `work` deals
   * with those that are there, also when not all of them could be renamed.
   */
  async #putAside(
    paths: ReadonlyMap<string, string>,
    options: MoveOptions,
    work: (aside: readonly string[]) => Promise<void>,
  ): Promise<void> {
    const aside: string[] = []
    let isAnyMissing = false
    try {
      await forEachParallel(paths, this.#dataset.store.traits.maxInFlight, async ([from, to]) => {
        if (await this.#move(from, to, options)) aside.push(from)
        else isAnyMissing = true
      })
    } catch (error) {
      await work(aside).catch(() => {}) // the first error is the one to tell
      throw error
    }
    if (isAnyMissing) await this.#lock.check(this.#call) // it is not there, or our directory is not
    await work(aside)
  }

  /**
   * Somebody replaced it between our look and the removal. If yet another was put there since, that
   * one is the newest, and stays.
   */
  async #putBack(from: string, path: string): Promise<void> {
    const sharing = this.#sharing
    if ((await this.#dataset.store.stat(path, this.#call)) !== undefined)
      await this.#dataset.store.remove(from, this.#call)
    else await this.#dataset.store.move(from, path, { ...this.#call, within: this.#dataset.directory, sharing })
  }

  /**
   * Removes files of ours in `archives/`: tombstones of keys that are in no archive any more, what
   * dead runs left. Then their directory, if `pruneParents` is 1 and it is empty: once, for a
   * client that makes it for its own tombstone must not lose it again and again.
   */
  async removeOwn(paths: readonly string[], needed: Needed, pruneParents = 0): Promise<void> {
    for (const some of chunksOf(paths.slice(0, -1), AT_ONCE)) await this.#removeSome(some, needed, 0)
    const last = paths.slice(-1)
    if (last.length > 0) await this.#removeSome(last, needed, pruneParents)
  }

  #removeSome(some: readonly string[], needed: Needed, pruneParents: number): Promise<void> {
    return this.whileProven(needed, async (call) => {
      if (!this.#holder.isFence) return removeFiles(this.#dataset.store, some, { ...call, pruneParents })
      const paths = new Map(some.map((path) => [path, `${this.#holder.path}/${temporaryName()}`]))
      const inside = (path: string) => paths.get(path) ?? ''
      await this.#putAside(paths, { ...call, pruneParents, flush: false }, (aside) =>
        removeFiles(this.#dataset.store, aside.map(inside), this.#call),
      )
    })
  }

  /** Marks a key as dropped. */
  async markDropped(fileName: string, call: Proven): Promise<void> {
    const path = tombstonePath(this.#dataset.directory, fileName)
    const sharing = this.#sharing
    const within = this.#dataset.directory
    if (!this.#holder.isFence) {
      await this.#dataset.store.put(path, bufferSource(''), { ...call, within, sharing })
      return
    }
    const aside = `${this.#holder.path}/${temporaryName()}`
    await this.#putInside(aside)
    if (!(await this.#move(aside, path, { ...call, within, sharing }))) throw await this.#fenced()
  }

  async #putInside(path: string): Promise<void> {
    try {
      const sharing = this.#sharing
      await this.#dataset.store.put(path, bufferSource(''), { ...this.#call, within: this.#holder.path, sharing })
    } catch (error) {
      throw isStoreError(error, 'missing') ? await this.#fenced() : error
    }
  }

  /**
   * Puts a new archive in the place of the old one, or where there is none. `mayHaveHoles`: the
   * mark that says so stays. Returns its Stat.
   */
  async replaceArchive(from: string, built: Stat, old: string | undefined, mayHaveHoles = false): Promise<Stat> {
    const archive = archivePath(this.#dataset.directory)
    if (this.#holder.isFence) {
      const aside = newArchiveOf(this.#holder)
      if (!(await this.#move(from, aside, { ...this.#call, flush: false }))) throw await this.#fenced()
      try {
        const isMoved = await this.whileProven({ archive: old }, (call) => this.#move(aside, archive, call))
        if (!isMoved) throw await this.#fenced()
      } catch (error) {
        // It is as large as the archive, and nobody will look for it here but the next run.
        await this.#dataset.store.remove(aside).catch(() => {})
        throw error
      }
    } else await this.whileProven({ archive: old }, (call) => this.#dataset.store.move(from, archive, call))
    const now = await this.#dataset.store.stat(archive, this.#call)
    await this.#lock.check(this.#call)
    const isSame = this.#dataset.store.traits.moveCopies ? now?.size === built.size : now?.identity === built.identity
    if (now === undefined || !isSame) throw this.#error('the archive was replaced meanwhile')
    if (old !== undefined && !mayHaveHoles) await this.#forgetHoles({ archive: now.identity })
    return now
  }

  /**
   * The archive that may have had holes where keys were dropped is gone. `needed`: what is there
   * now.
   */
  async #forgetHoles(needed: Needed): Promise<void> {
    // Looked for: a bucket with versions makes a mark of each removal, also of nothing.
    if (await isPunched(this.#dataset, this.#call)) await this.removeOwn([punchedPath(this.#dataset.directory)], needed)
  }

  /** Removes the archive, if it is still this one; `keptAs`: it is there from then on. */
  async removeArchive(identity: string, keptAs?: string): Promise<void> {
    const archive = archivePath(this.#dataset.directory)
    const into = { within: this.#dataset.directory, sharing: this.#sharing }
    await this.whileProven({ archive: identity }, async (call) => {
      if (!this.#holder.isFence) {
        if (keptAs === undefined) return this.#dataset.store.remove(archive, call)
        return this.#dataset.store.move(archive, keptAs, { ...call, ...into })
      }
      const aside = oldArchiveOf(this.#holder)
      if (!(await this.#move(archive, aside, call))) throw await this.#fenced()
      const moved = await this.#dataset.store.stat(aside, this.#call)
      if (moved?.identity === identity) {
        if (keptAs === undefined) return this.#dataset.store.remove(aside, this.#call)
        return this.#dataset.store.move(aside, keptAs, { ...this.#call, ...into })
      }
      await this.#dataset.store.move(aside, archive, this.#call)
      throw this.#error('the archive was replaced meanwhile')
    })
    await this.#forgetHoles({ archive: undefined })
  }

  #move(from: string, to: string, options: MoveOptions): Promise<boolean> {
    return moveAgain(this.#dataset.store, from, to, options)
  }

  /** The lock is ours and the archive is as it has to be; gives when that was at the latest. */
  async #prove(needed: Needed): Promise<Moment> {
    const since = this.#lock.time.now()
    if (!this.#holder.isFence) await showActing(this.#dataset.store, this.#holder, this.#call)
    await this.#lock.check(this.#call)
    if (needed === 'whichever') return since
    const now = await this.#dataset.store.stat(archivePath(this.#dataset.directory), this.#call)
    if (now?.identity === needed.archive) return since
    throw this.#error(now === undefined ? 'the archive was removed meanwhile' : 'the archive was replaced meanwhile')
  }

  async #fenced(): Promise<unknown> {
    try {
      await this.#lock.check(this.#call)
    } catch (error) {
      return error
    }
    return this.#error('what was to be put there is gone')
  }

  #error(message: string): StoreError {
    const path = archivePath(this.#dataset.directory)
    return this.#dataset.error('conflict', 'archive', message, { path, sent: 'no' })
  }
}
