import { randomBytes } from 'node:crypto'
import { isStoreError, type StoreError, type StoreErrorKind } from '../../core/errors.ts'
import { bufferSource } from '../../core/source.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { readSmall } from '../../store/read-small.ts'
import type { CallOptions, Entry } from '../../store/store.ts'
import { EMPTY_STATE, formatState, type ParsedState, parseState, type RefState } from './ref-state.ts'
import { Memory } from './remembered.ts'

/** A hundred thousand refs. */
const MAX_STATE_BYTES = 32 * 1024 * 1024

/**
 * So often the newest generation may go away while it is read, or a commit may end without an
 * answer.
 */
const TRIES = 5

/** A generation as the store lists it. */
export interface Generation {
  readonly generation: number
  readonly entry: Entry
}

/**
 * The truth about the refs of a repository on a store without git: a file for each push,
 * `<dataset>/riastore/refs/<generation>`, that holds all refs and is never changed. A push is done
 * when its file is there; put-if-absent lets exactly one of several who push at once have a
 * generation.
 */
export class RefLog {
  readonly #dataset: StoredDataset
  readonly #directory: string
  readonly #memory: Memory
  /** Our last commit. */
  #own: { readonly generation: number; readonly token: string } | undefined
  #isLost = false
  /** The last that was read or written: a commit says which one it follows. */
  #last: { readonly generation: number; readonly token: unknown } | undefined

  constructor(dataset: StoredDataset, memory = new Memory(undefined, '')) {
    this.#dataset = dataset
    this.#directory = dataset.path('riastore/refs')
    this.#memory = memory
  }

  /**
   * The newest state. Throws `corrupt` for a file that cannot be one of ours, and whatever stands
   * in the way of looking.
   */
  async newest(call: CallOptions = {}): Promise<RefState> {
    for (let tries = 1; ; tries++) {
      const newest = (await this.generations(call)).at(-1)
      if (newest === undefined) return EMPTY_STATE
      try {
        return (await this.#readListed(newest, call)).state
      } catch (error) {
        if (!isStoreError(error, 'missing') || tries === TRIES) throw error
      }
    }
  }

  /** The newest state, if it is not this one. */
  async newerThan(state: RefState, call: CallOptions = {}): Promise<RefState | undefined> {
    const newest = (await this.generations(call)).at(-1)
    if (newest === undefined || newest.generation < state.generation) {
      throw this.#error('corrupt', state.generation, 'the push was stored, and is not listed')
    }
    const there = await this.#readListed(newest, call)
    if (newest.generation > state.generation) return there.state
    const isReplaced = this.#own?.generation === newest.generation && there.token !== this.#own.token
    if (!isReplaced || this.#isLost) return undefined
    this.#isLost = true
    return there.state
  }

  /**
   * Sees to it that our last commit is among what the newest state rests on. Throws `corrupt`: it
   * was replaced, by a server that does not keep what it was asked to keep, or it took so long that
   * the generations that came meanwhile are removed again.
   */
  async requireKept(call: CallOptions = {}): Promise<void> {
    if (this.#own === undefined) return
    const { generation, token } = this.#own
    if (this.#isLost) throw this.#error('corrupt', generation, REPLACED)
    if (this.#last === undefined || this.#last.generation <= generation) return
    const next = await this.#read(generation + 1, call).catch(undefinedIfMissing)
    if (next === undefined || (next.after !== undefined && next.after !== token))
      throw this.#error('corrupt', generation, LATE)
  }

  /**
   * Makes a state the newest. False when somebody else was quicker: then it has to be made anew
   * from theirs.
   */
  async commit(state: RefState, call: CallOptions = {}): Promise<boolean> {
    const token = randomBytes(16).toString('hex')
    const after = this.#last?.generation === state.generation - 1 ? this.#last.token : undefined
    const text = formatState(state, token, typeof after === 'string' ? after : undefined)
    for (let tries = 1; ; tries++) {
      try {
        const options = { ...call, ifAbsent: true }
        const { identity } = await this.#dataset.store.put(this.#path(state.generation), bufferSource(text), options)
        this.#committed(state.generation, token)
        await this.#memory.save({ seen: { generation: state.generation, identity, text } })
        return true
      } catch (error) {
        if (call.signal?.aborted || !isStoreError(error, 'conflict', 'unreachable', 'transient')) throw error
        // It may be there, and ours: written by a try whose answer was lost.
        const there = await this.#read(state.generation, call).catch(undefinedIfMissing)
        if (there !== undefined) {
          if (there.token === token) this.#committed(state.generation, token)
          return there.token === token
        }
        if (tries === TRIES) throw error
      }
    }
  }

  #committed(generation: number, token: string): void {
    this.#own = { generation, token }
    this.#last = this.#own
    this.#isLost = false
  }

  /** All that are there, the newest last. */
  async generations(call: CallOptions = {}): Promise<readonly Generation[]> {
    const found: Generation[] = []
    for await (const entry of this.#dataset.store.list(this.#directory, call)) {
      const [, digits] = /\/(\d{10})$/.exec(entry.path) ?? []
      if (digits !== undefined) found.push({ generation: Number(digits), entry })
    }
    return found.sort((a, b) => a.generation - b.generation)
  }

  /** The state of a generation that is there. */
  async read({ generation }: Generation, call: CallOptions = {}): Promise<RefState> {
    return (await this.#read(generation, call)).state
  }

  /** Asks the store only if it is not the one that was seen last. */
  async #readListed({ generation, entry }: Generation, call: CallOptions) {
    const { seen } = await this.#memory.load()
    if (seen?.generation === generation && seen.identity === entry.identity) {
      const known = parseState(seen.text, generation)
      if (known !== undefined) return this.#remembered(generation, known)
    }
    const { text, ...read } = await this.#read(generation, call)
    await this.#memory.save({ seen: { generation, identity: entry.identity, text } })
    return this.#remembered(generation, read)
  }

  #remembered<T extends { readonly token: unknown }>(generation: number, read: T): T {
    this.#last = { generation, token: read.token }
    return read
  }

  async #read(generation: number, call: CallOptions): Promise<ParsedState & { readonly text: string }> {
    const text = (await readSmall(this.#dataset.store, this.#path(generation), MAX_STATE_BYTES, call)).toString()
    const parsed = parseState(text, generation)
    if (parsed !== undefined) return { ...parsed, text }
    throw this.#error('corrupt', generation, 'this is no state of refs that riastore wrote')
  }

  #error(kind: StoreErrorKind, generation: number, message: string): StoreError {
    return this.#dataset.error(kind, kind === 'corrupt' ? 'get' : 'put', message, { path: this.#path(generation) })
  }

  #path(generation: number): string {
    return `${this.#directory}/${String(generation).padStart(10, '0')}`
  }
}

const REPLACED =
  'the push was replaced by that of somebody else: the server does not honour conditions (If-None-Match), push again'

const LATE = 'the push took so long that what others pushed meanwhile was tidied away, and it is lost: push again'

function undefinedIfMissing(error: unknown): undefined {
  if (!isStoreError(error, 'missing')) throw error
}
