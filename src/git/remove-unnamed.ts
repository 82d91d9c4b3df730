import { isStoreError, type StoreError } from '../core/errors.ts'
import { isRecent, REAL_TIME, type Time } from '../core/moment.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { CallOptions, Entry, Stat } from '../store/store.ts'
import { temporaryName } from '../store/temporary.ts'
import type { RefLog } from './refs/ref-log.ts'

/**
 * A file is removed within so long after the newest state was seen not to name it, by two clocks.
 * ms.
 */
const PROOF_MS = 6_000

/**
 * So often in a row that may turn out to be too long ago: this process was stopped, or the machine
 * slept.
 */
const TRIES = 5

export interface RemoveOptions extends CallOptions {
  /** Default: the real one. */
  readonly time?: Time | undefined
}

/** The call options of a removal: they stop it when the newest state was seen too long ago. */
type Proven = CallOptions & { readonly mayChange: () => void }

/**
 * Removes files that no state names any more: packs, and states that were replaced. Nobody holds a
 * lock here. So the newest state is looked at right before each removal, for a process may sleep in
 * between, while another one removes the same file and a push makes one of its name; and a file
 * that is not the one that was looked at stays. Where files are renamed in one step it is first put
 * aside, and comes back if a state names it by then.
 */
export class Removal {
  readonly #dataset: StoredDataset
  readonly #log: RefLog
  readonly #time: Time
  readonly #call: CallOptions

  constructor(dataset: StoredDataset, log: RefLog, { time = REAL_TIME, ...call }: RemoveOptions) {
    this.#dataset = dataset
    this.#log = log
    this.#time = time
    this.#call = call
  }

  /** Removes a file if it is still the same and is not named. */
  async remove(entry: Entry): Promise<void> {
    await this.#whileProven(async (call) => {
      if (await this.#isNamed(entry.path)) return
      if (!isSame(await this.#dataset.store.stat(entry.path, this.#call), entry)) return
      if (this.#dataset.store.traits.moveCopies || !(await this.#putAside(entry, call))) {
        await this.#dataset.store.remove(entry.path, call)
      }
    })
  }

  /** Puts back, or removes, what a run that was killed had put aside. */
  async settleAside(): Promise<void> {
    if (this.#dataset.store.traits.moveCopies) return
    const found: string[] = []
    for await (const { path } of this.#dataset.store.list(this.#aside, this.#call)) found.push(path)
    for (const path of found) {
      const [, original] = /^(.*)\/riastore-[^/]+\.tmp$/.exec(path.slice(this.#aside.length + 1)) ?? []
      if (original !== undefined) await this.#settle(path, original)
    }
  }

  /** False where the backend cannot. */
  async #putAside(entry: Entry, call: Proven): Promise<boolean> {
    const aside = `${this.#aside}/${entry.path}/${temporaryName()}`
    try {
      await this.#dataset.store.move(entry.path, aside, { ...call, within: this.#dataset.directory })
    } catch (error) {
      if (isStoreError(error, 'missing')) return true // somebody else removed it
      if (!isStoreError(error, 'unsupported')) throw error
      return false
    }
    await this.#settle(aside, entry.path, isSame(await this.#dataset.store.stat(aside, this.#call), entry))
    return true
  }

  /** Removes what was put aside, or puts it back, when it is another one or is named by now. */
  async #settle(aside: string, original: string, isKnown = true): Promise<void> {
    const depth = aside.slice(this.#dataset.directory.length + 1).split('/').length - 2
    const isNeeded = !isKnown || (await this.#isNamed(original))
    if (isNeeded && (await this.#dataset.store.stat(original, this.#call)) === undefined) {
      await this.#dataset.store.move(aside, original, { ...this.#call, pruneParents: depth })
    } else await this.#dataset.store.remove(aside, { ...this.#call, pruneParents: depth })
  }

  async #isNamed(path: string): Promise<boolean> {
    const [, name] = /\/(pack-[0-9a-f]{40})\.[a-z]+$/.exec(path) ?? []
    if (name !== undefined) return (await this.#log.newest(this.#call)).packs.includes(name)
    const newest = (await this.#log.generations(this.#call)).at(-1)
    return newest === undefined || newest.entry.path <= path // a state that is there, or was and is the last
  }

  async #whileProven(work: (call: Proven) => Promise<void>): Promise<void> {
    for (let tries = 1; ; tries++) {
      const since = this.#time.now()
      let isOld = false
      const mayChange = () => {
        isOld = !isRecent(since, PROOF_MS, this.#time)
        if (isOld) throw this.#tooOld()
      }
      try {
        return await work({ ...this.#call, mayChange })
      } catch (error) {
        if (!isOld || tries === TRIES) throw error
      }
    }
  }

  #tooOld(): StoreError {
    return this.#dataset.error('conflict', 'gc', 'too long ago that the refs were looked at', { sent: 'no' })
  }

  get #aside(): string {
    return this.#dataset.path('riastore/aside')
  }
}

/** A listing tells finer times than a look does. */
function isSame(now: Stat | undefined, before: Stat): boolean {
  const seconds = ({ mtimeMs }: Stat) => mtimeMs && Math.floor(mtimeMs / 1000)
  return now !== undefined && now.identity === before.identity && seconds(now) === seconds(before)
}
