import { createHash, randomBytes } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { StoreError } from '../../core/errors.ts'
import { isDead, ourselves, type ProcessOwner } from '../../core/process-owner.ts'
import { bufferSource, collect } from '../../core/source.ts'
import { removeFiles } from '../../store/remove-files.ts'
import type { CallOptions, Sharing, Stat, Store } from '../../store/store.ts'
import { temporaryName } from '../../store/temporary.ts'
import { SETTLE_MS } from '../quiet.ts'
import { archivesDirectory, lockPath, SUCCESSOR } from './places.ts'

/** The lock of a dataset's archive, held. */
export interface Lock {
  /** Of the lock file as we first wrote it: its mtime is the time by the store's clock. */
  readonly stat: Stat
  /** Aborts, with a StoreError `conflict`, when somebody took the lock from us. */
  readonly lost: AbortSignal
  /** Throws `conflict` unless the lock is still ours. */
  check(): Promise<void>
  /** Gives the lock up. What is not ours any more stays. */
  release(): Promise<void>
}

export interface LockOptions extends CallOptions {
  /** Take the lock from whoever has it. */
  readonly breakLock?: boolean | undefined
  readonly sharing?: Sharing | undefined
  /** How often the lock file is written anew, so that its mtime shows that we live. ms. */
  readonly refreshMs?: number | undefined
}

interface LockContent extends ProcessOwner {
  readonly program: 'riastore'
  /** ISO 8601. */
  readonly started: string
  readonly token: string
}

const REFRESH_MS = 60_000

/** So often somebody else may take a lock that we found free, or dead, before we give up. */
const TRIES = 5

const LOCK_BYTES = 64 * 1024

/**
 * Takes the lock of a dataset's archive. One whose process is certainly dead is taken over. Throws `conflict`, saying who holds it since
 * when, when somebody else has it.
 */
export async function takeLock(store: Store, directory: string, options: LockOptions = {}): Promise<Lock> {
  const held = new HeldLock(store, directory, options)
  let mayBreak = options.breakLock === true
  for (let tries = 1; ; tries++) {
    try {
      return await held.create()
    } catch (error) {
      if (!(error instanceof StoreError) || error.kind !== 'conflict' || tries === TRIES) throw error
    }
    const found = await readLock(store, directory, options)
    if (found === undefined) continue // it was just given up
    if (held.isOurs(found)) return held.begin(found.stat) // written by a try whose answer was lost
    const isBroken = mayBreak
    mayBreak = false
    if (!isBroken && !(found.content && isDead(found.content))) throw heldBy(store, directory, found)
    if (!store.traits.moveCopies) await removeDead(store, directory, found, options)
    else if (await held.takeOver(found, isBroken)) return held
  }
}

class HeldLock implements Lock {
  readonly #store: Store
  readonly #directory: string
  readonly #options: LockOptions
  readonly #content: LockContent = {
    program: 'riastore',
    ...ourselves(),
    started: new Date().toISOString(),
    token: randomBytes(16).toString('hex'),
  }
  readonly #lost = new AbortController()
  #stat: Stat | undefined
  #timer: NodeJS.Timeout | undefined
  #refreshing: Promise<void> | undefined

  constructor(store: Store, directory: string, options: LockOptions) {
    this.#store = store
    this.#directory = directory
    this.#options = options
  }

  get stat(): Stat {
    if (this.#stat === undefined) throw new Error('the lock was not taken')
    return this.#stat
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  async create(): Promise<this> {
    return this.begin(await this.#write(true))
  }

  /** The lock file is there, and ours: it is kept fresh from now on. */
  begin(stat: Stat): this {
    this.#stat = stat
    this.#timer = setInterval(() => {
      this.#refreshing ??= this.#refresh().finally(() => {
        this.#refreshing = undefined
      })
    }, this.#options.refreshMs ?? REFRESH_MS)
    this.#timer.unref()
    return this
  }

  /**
   * Puts our lock in the place of one that is dead, or to be broken, where nothing can be moved aside in one step. False when somebody else was faster. Of all who want to
   * succeed a lock one gets its successor's mark, which is put if absent, and only who has that mark and still finds the old lock replaces it. A mark
   * whose owner died is succeeded in the same way, so the marks are a chain.
   */
  async takeOver(found: FoundLock, mayBreak: boolean): Promise<boolean> {
    const marks: string[] = []
    for (let last = found; ; ) {
      const mark = successorPath(this.#directory, last)
      marks.push(mark)
      if (await this.#putMark(mark)) break
      const other = await readLock(this.#store, this.#directory, this.#options, mark)
      if (other === undefined) return false // its owner has the lock now
      if (this.isOurs(other)) break // written by a try whose answer was lost
      if (!mayBreak && !(other.content && isDead(other.content))) throw heldBy(this.#store, this.#directory, other)
      last = other
    }
    let isSame = false
    try {
      const now = await readLock(this.#store, this.#directory, this.#options)
      isSame = now !== undefined && tokenOf(now) === tokenOf(found)
      if (isSame) this.begin(await this.#write(false))
    } finally {
      await removeFiles(this.#store, isSame ? marks : marks.slice(-1))
    }
    return isSame
  }

  async #putMark(path: string): Promise<boolean> {
    try {
      await this.#put(path, true)
      return true
    } catch (error) {
      if (error instanceof StoreError && error.kind === 'conflict') return false
      throw error
    }
  }

  isOurs(found: FoundLock | undefined): boolean {
    return found?.content?.token === this.#content.token
  }

  async check(): Promise<void> {
    await this.#refreshing
    if (this.#lost.signal.aborted) throw this.#lost.signal.reason
    const found = await readLock(this.#store, this.#directory, this.#options)
    if (this.isOurs(found)) return
    const error = new StoreError({
      kind: 'conflict',
      op: 'lock',
      where: whereOf(this.#store, this.#directory),
      message: `the lock was taken from us${found?.content ? ` by ${describe(found.content)}` : ''}`,
    })
    this.#lost.abort(error)
    throw error
  }

  async release(): Promise<void> {
    clearInterval(this.#timer)
    await this.#refreshing
    // Our caller may have given up: the lock goes all the same.
    const found = await readLock(this.#store, this.#directory, {})
    if (this.isOurs(found)) await this.#store.remove(lockPath(this.#directory))
  }

  /** A store that cannot be reached just now is no reason to give up: the check before the swap will tell. */
  async #refresh(): Promise<void> {
    try {
      await this.check()
      await this.#write(false)
    } catch {}
  }

  /** Not broken off half-way: nobody would know whether we hold the lock. */
  async #write(ifAbsent: boolean): Promise<Stat> {
    const path = lockPath(this.#directory)
    const stat = await this.#put(path, ifAbsent)
    // Some stores tell the time only when they are asked.
    return stat.mtimeMs === undefined ? ((await this.#store.stat(path)) ?? stat) : stat
  }

  async #put(path: string, ifAbsent: boolean): Promise<Stat> {
    const { signal, sharing } = this.#options
    signal?.throwIfAborted()
    const text = `${JSON.stringify(this.#content, null, 2)}\n`
    return this.#store.put(path, bufferSource(text), {
      ifAbsent,
      within: this.#directory,
      ...(sharing && { sharing }),
    })
  }
}

interface FoundLock {
  /** Undefined when the file is none of ours. */
  readonly content: LockContent | undefined
  readonly stat: Stat
}

async function readLock(
  store: Store,
  directory: string,
  { signal }: CallOptions,
  path = lockPath(directory),
): Promise<FoundLock | undefined> {
  let found: FoundLock | undefined
  try {
    await store.get(
      path,
      async (bytes, stat) => {
        found = { content: parseLock((await collect(bytes, LOCK_BYTES)).toString()), stat }
      },
      signal && { signal },
    )
  } catch (error) {
    if (error instanceof StoreError && error.kind === 'missing') return undefined
    if (!(error instanceof RangeError)) throw error
    const stat = await store.stat(path, signal && { signal })
    return stat && { content: undefined, stat }
  }
  return found
}

function parseLock(text: string): LockContent | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return undefined
    const content = value as Partial<LockContent>
    const isOurs =
      typeof content.host === 'string' && Number.isSafeInteger(content.pid) && typeof content.token === 'string'
    return isOurs ? (content as LockContent) : undefined
  } catch {
    return undefined
  }
}

/**
 * Removes a dead lock, and only that: it is moved aside first, and put back if it turns out to be somebody's new one, who was as quick as
 * we are.
 */
async function removeDead(
  store: Store,
  directory: string,
  dead: FoundLock,
  { signal, sharing }: LockOptions,
): Promise<void> {
  const path = lockPath(directory)
  const aside = `${archivesDirectory(directory)}/${temporaryName()}`
  const call = signal ? { signal } : {}
  try {
    await store.move(path, aside, call)
  } catch (error) {
    if (error instanceof StoreError && error.kind === 'missing') return
    if (!(error instanceof StoreError) || error.kind !== 'unsupported') throw error
    const found = await readLock(store, directory, call)
    if (found?.content?.token === dead.content?.token) await store.remove(path, call)
    return
  }
  const moved = await readLock(store, directory, call, aside)
  if (moved?.content !== undefined && moved.content.token !== dead.content?.token) {
    const text = `${JSON.stringify(moved.content, null, 2)}\n`
    await store.put(path, bufferSource(text), {
      ...call,
      ifAbsent: true,
      within: directory,
      ...(sharing && { sharing }),
    })
  }
  await store.remove(aside, call)
}

/** What tells a lock from every other: its token, of one that is not ours its identity. In a form that a file name takes. */
function tokenOf({ content, stat }: FoundLock): string {
  return createHash('sha256')
    .update(content?.token ?? stat.identity)
    .digest('hex')
    .slice(0, 32)
}

function successorPath(directory: string, found: FoundLock): string {
  return `${archivesDirectory(directory)}/${SUCCESSOR}${tokenOf(found)}`
}

function heldBy(store: Store, directory: string, { content, stat }: FoundLock): StoreError {
  const sign = stat.mtimeMs === undefined ? '' : `, last sign of life ${new Date(stat.mtimeMs).toISOString()}`
  const message =
    content === undefined
      ? `the lock is none that this program wrote${sign}; --break-lock removes it`
      : `the archive is being worked on by ${describe(content)} since ${content.started}${sign}; if that is not so, --break-lock removes the lock`
  return new StoreError({ kind: 'conflict', op: 'lock', where: whereOf(store, directory), message, sent: 'no' })
}

function describe({ user, host, pid }: ProcessOwner): string {
  return `${user === undefined ? '' : `${user}@`}${host} (process ${pid})`
}

function whereOf(store: Store, directory: string): string {
  return `${store.traits.root}/${lockPath(directory)}`
}

/**
 * Does `work` while holding the lock, and gives it up whatever happens. `work`'s signal also aborts when the lock is lost.
 */
export async function withLock<T>(
  store: Store,
  directory: string,
  options: LockOptions,
  work: (lock: Lock, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const lock = await takeLock(store, directory, options)
  const signal = AbortSignal.any([lock.lost, ...(options.signal ? [options.signal] : [])])
  setMaxListeners(0, signal) // many calls at once listen to it
  let result: T
  try {
    // Clients of an object store rely on it that nothing moves for a moment (quiet.ts).
    if (store.traits.flat) await sleep(SETTLE_MS, undefined, { signal }).catch(() => {})
    signal.throwIfAborted()
    result = await work(lock, signal)
  } catch (error) {
    await lock.release().catch(() => {}) // the first error is the one to tell
    throw error
  }
  await lock.release()
  return result
}
