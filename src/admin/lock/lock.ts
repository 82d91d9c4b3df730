import { randomBytes } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { isStoreError, type StoreError } from '../../core/errors.ts'
import { type Moment, REAL_TIME, type Time } from '../../core/moment.ts'
import { ourselves } from '../../core/process/owner.ts'
import { SETTLE_MS } from '../../ria/keys/quiet-dataset.ts'
import { requireAtomicPuts } from '../../ria/layout/atomic-puts.ts'
import { lockPath } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Sharing, Stat } from '../../store/store.ts'
import { endOthers, type Holder, makeHolder, removeHolder, showLife } from './holder.ts'
import {
  type FoundLock,
  heldBy,
  type LockContent,
  readLock,
  successorPath,
  takenFromUs,
  tokenOf,
  tokensIn,
} from './lock-file.ts'
import { mayBeTaken, putLock, removeDead, removeMarks } from './takeover.ts'

/** The lock of a dataset's archive, held. */
export interface Lock {
  /** Of the lock file as we wrote it: its mtime is the time by the store's clock. */
  readonly stat: Stat
  /** Through which everything is changed. */
  readonly holder: Holder
  readonly time: Time
  /** Aborts, with a StoreError `conflict`, when somebody took the lock from us. */
  readonly lost: AbortSignal
  /**
   * Resolves when something may be moved or removed. Clients of an object store rely on it that
   * nothing is for a moment after the lock is there (quiet-dataset.ts).
   */
  settled(signal: AbortSignal | undefined): Promise<void>
  /** Throws `conflict` unless the lock is still ours. */
  check(call?: CallOptions): Promise<void>
  /** Gives the lock up. What is not ours any more stays. */
  release(): Promise<void>
}

export interface LockOptions extends CallOptions {
  /** Take the lock from whoever has it. */
  readonly breakLock?: boolean | undefined
  readonly sharing?: Sharing | undefined
  /** How often we show that we live. ms. */
  readonly refreshMs?: number | undefined
  /** Default: the real one. */
  readonly time?: Time | undefined
  /**
   * The work begins before anything may be moved or removed: nothing that it is based on can be
   * changed until then by who has not seen the lock, and it moves and removes through Changes,
   * which waits.
   */
  readonly settlesLater?: boolean | undefined
}

const REFRESH_MS = 60_000

/** So often somebody else may take a lock that we found free, or dead, before we give up. */
const TRIES = 5

/**
 * Takes the lock of a dataset's archive. One whose process is certainly dead is taken over; what
 * its owner could still do is ended before this resolves (holder.ts). Throws `conflict`, saying who
 * holds it since when, when somebody else has it.
 */
export async function takeLock(dataset: StoredDataset, options: LockOptions = {}): Promise<Lock> {
  await requireAtomicPuts(dataset, 'lock', options.signal ? { signal: options.signal } : {})
  const held = new HeldLock(dataset, options)
  const before = new Set<string>()
  let mayBreak = options.breakLock === true
  for (let tries = 1; ; tries++) {
    try {
      await held.create()
      return await held.begin([...before])
    } catch (error) {
      if (held.isWritten || !isStoreError(error, 'conflict') || tries === TRIES) throw error
    }
    const found = await readLock(dataset, options)
    if (found === undefined) continue // it was just given up
    if (held.isOurs(found)) return held.begin([...before]) // written by a try whose answer was lost
    const isBroken = mayBreak
    mayBreak = false
    if (!isBroken && !(await mayBeTaken(dataset, found, options))) {
      throw await heldBy(dataset, found, options)
    }
    for (const token of tokensIn(found)) before.add(token)
    held.follow([...before])
    if (!dataset.store.traits.moveCopies) await removeDead(dataset, found, options)
    else if (await held.takeOver(found, isBroken)) return held.begin([...before])
  }
}

/** So many of those who had the lock before are remembered. */
const MAX_BEFORE = 20

class HeldLock implements Lock {
  readonly #dataset: StoredDataset
  readonly #options: LockOptions
  #content: LockContent = {
    program: 'riastore',
    ...ourselves(),
    started: new Date().toISOString(),
    token: randomBytes(16).toString('hex'),
  }
  readonly #lost = new AbortController()
  #stat: Stat | undefined
  #holder: Holder | undefined
  #timer: NodeJS.Timeout | undefined
  #refreshing: Promise<void> | undefined
  /** When the lock was there. */
  #since: Moment | undefined

  constructor(dataset: StoredDataset, options: LockOptions) {
    this.#dataset = dataset
    this.#options = options
  }

  get stat(): Stat {
    if (this.#stat === undefined) throw new Error('the lock was not taken')
    return this.#stat
  }

  get holder(): Holder {
    if (this.#holder === undefined) throw new Error('the lock was not taken')
    return this.#holder
  }

  get time(): Time {
    return this.#options.time ?? REAL_TIME
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /** The lock file was written by us, at some time. */
  get isWritten(): boolean {
    return this.#stat !== undefined
  }

  /** Says in the lock that will be written who had it before. */
  follow(before: readonly string[]): void {
    this.#content = { ...this.#content, after: before.slice(0, MAX_BEFORE) }
  }

  async create(): Promise<void> {
    this.#stat = await this.#write(true)
  }

  /**
   * The lock file is there, and ours. What others could still do is ended, and we show that we live
   * from now on. Throws `conflict` when the lock was taken from us again.
   */
  async begin(before: readonly string[]): Promise<this> {
    const { signal, sharing } = this.#options
    const call = { signal }
    try {
      signal?.throwIfAborted()
      this.#stat ??= await this.#dataset.store.stat(lockPath(this.#dataset.directory), call)
      this.#since = this.time.now()
      this.#holder = await makeHolder(this.#dataset, this.#content.token, { sharing })
      this.#timer = setInterval(() => {
        this.#refreshing ??= this.#refresh().finally(() => {
          this.#refreshing = undefined
        })
      }, this.#options.refreshMs ?? REFRESH_MS)
      this.#timer.unref()
      // After the directory is there: from now on whoever takes the lock away finds it.
      await this.check(call)
      await endOthers(this.#dataset, this.#holder, { ...call, sharing, before, time: this.time })
      await this.check(call)
      return this
    } catch (error) {
      await this.release().catch(() => {}) // the first error is the one to tell
      throw error
    }
  }

  /**
   * Puts our lock in the place of one that is dead, or to be broken, where nothing can be moved
   * aside in one step. False when somebody else was faster. Of all who want to succeed a lock one
   * gets its successor's mark, which is put if absent, and only who has that mark and still finds
   * the old lock replaces it. A mark whose owner died is succeeded in the same way, so the marks
   * are a chain.
   */
  async takeOver(found: FoundLock, mayBreak: boolean): Promise<boolean> {
    const dataset = this.#dataset
    const marks: string[] = []
    for (let last = found; ; ) {
      const mark = successorPath(dataset.directory, last)
      marks.push(mark)
      if (await this.#putMark(mark)) break
      const other = await readLock(dataset, this.#options, mark)
      if (other === undefined) return false // its owner has the lock now
      if (this.isOurs(other)) break // written by a try whose answer was lost
      if (!mayBreak && !(await mayBeTaken(dataset, other, this.#options))) {
        throw await heldBy(dataset, other, this.#options)
      }
      last = other
    }
    let isSame = false
    try {
      const now = await readLock(dataset, this.#options)
      isSame = now !== undefined && tokenOf(now) === tokenOf(found)
      if (isSame) this.#stat = await this.#write(false)
    } finally {
      await removeMarks(dataset.store, isSame ? marks : marks.slice(-1))
    }
    return isSame
  }

  async #putMark(path: string): Promise<boolean> {
    try {
      await putLock(this.#dataset, path, this.#content, this.#options, true)
      return true
    } catch (error) {
      if (isStoreError(error, 'conflict')) return false
      throw error
    }
  }

  isOurs(found: FoundLock | undefined): boolean {
    return found?.content?.token === this.#content.token
  }

  async check(call: CallOptions = this.#options): Promise<void> {
    if (this.#lost.signal.aborted) throw this.#lost.signal.reason
    const found = await readLock(this.#dataset, call)
    if (!this.isOurs(found)) throw this.#lose(found)
  }

  async settled(signal: AbortSignal | undefined): Promise<void> {
    if (!this.#dataset.store.traits.flat || this.#since === undefined) return
    const left = SETTLE_MS - (this.time.now().steady - this.#since.steady)
    if (left > 0) await this.time.sleep(left, signal)
  }

  #lose(found?: FoundLock): StoreError {
    const error = takenFromUs(this.#dataset, found)
    this.#lost.abort(error)
    return error
  }

  /** Our caller may have given up: the lock goes all the same. */
  async release(): Promise<void> {
    clearInterval(this.#timer)
    await this.#refreshing
    if (this.#holder?.isFence) await this.#takeOwn(this.#holder)
    else {
      const found = await readLock(this.#dataset, {})
      if (this.isOurs(found)) await this.#dataset.store.remove(lockPath(this.#dataset.directory))
    }
    if (this.#holder !== undefined) await removeHolder(this.#dataset.store, this.#holder)
  }

  /**
   * Removes the lock, through our directory: if it turns out to be another's, who has just taken it
   * from us, it goes back.
   */
  async #takeOwn({ path }: Holder): Promise<void> {
    const aside = `${path}/lock`
    try {
      await this.#dataset.store.move(lockPath(this.#dataset.directory), aside)
    } catch (error) {
      if (!isStoreError(error, 'missing')) throw error
      return // it was taken from us: it is not there, or our directory is not
    }
    if (this.isOurs(await readLock(this.#dataset, {}, aside))) await this.#dataset.store.remove(aside)
    else await this.#dataset.store.move(aside, lockPath(this.#dataset.directory))
  }

  /**
   * A store that cannot be reached just now is no reason to give up: the look before each change
   * will tell.
   */
  async #refresh(): Promise<void> {
    try {
      await this.check({})
      await showLife(this.#dataset.store, this.holder)
    } catch (error) {
      if (isStoreError(error, 'missing')) this.#lose()
    }
  }

  /** Not broken off half-way: nobody would know whether we hold the lock. */
  async #write(ifAbsent: boolean): Promise<Stat> {
    const path = lockPath(this.#dataset.directory)
    const stat = await putLock(this.#dataset, path, this.#content, this.#options, ifAbsent)
    // Some stores tell the time only when they are asked.
    return stat.mtimeMs === undefined ? ((await this.#dataset.store.stat(path)) ?? stat) : stat
  }
}

/**
 * Does `work` while holding the lock, and gives it up whatever happens. `work`'s signal also aborts
 * when the lock is lost.
 */
export async function withLock<T>(
  dataset: StoredDataset,
  options: LockOptions,
  work: (lock: Lock, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const lock = await takeLock(dataset, options)
  const signal = AbortSignal.any([lock.lost, ...(options.signal ? [options.signal] : [])])
  setMaxListeners(0, signal) // many calls at once listen to it
  let result: T
  try {
    if (!options.settlesLater) await lock.settled(signal)
    signal.throwIfAborted()
    result = await work(lock, signal)
  } catch (error) {
    await lock.release().catch(() => {}) // the first error is the one to tell
    throw error
  }
  await lock.release()
  return result
}
