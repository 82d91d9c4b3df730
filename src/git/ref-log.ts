import { randomBytes } from 'node:crypto'
import { isStoreError, StoreError } from '../core/errors.ts'
import { bufferSource, collect } from '../core/source.ts'
import type { CallOptions, Store } from '../store/store.ts'
import { EMPTY_STATE, formatState, parseState, type RefState } from './ref-state.ts'

/** A hundred thousand refs. */
const MAX_STATE_BYTES = 32 * 1024 * 1024

/** So often the newest generation may go away while it is read. */
const TRIES = 5

/**
 * The truth about the refs of a repository on a store without git: a file for each push, `<dataset>/riastore/refs/<generation>`, that holds all
 * refs and is never changed. A push is done when its file is there; put-if-absent lets exactly one of several who push at once have a generation.
 */
export class RefLog {
  readonly #store: Store
  readonly #directory: string

  /** `directory`: of the dataset. */
  constructor(store: Store, directory: string) {
    this.#store = store
    this.#directory = `${directory}/riastore/refs`
  }

  /** The newest state. Throws `corrupt` for a file that cannot be one of ours, and whatever stands in the way of looking. */
  async newest(call: CallOptions = {}): Promise<RefState> {
    for (let tries = 1; ; tries++) {
      const generation = await this.#newestGeneration(call)
      if (generation === 0) return EMPTY_STATE
      try {
        return (await this.#read(generation, call)).state
      } catch (error) {
        if (!isStoreError(error, 'missing') || tries === TRIES) throw error
      }
    }
  }

  /** The newest state, if there is one after this generation. */
  async newerThan(generation: number, call: CallOptions = {}): Promise<RefState | undefined> {
    return (await this.#store.stat(this.#path(generation + 1), call)) && this.newest(call)
  }

  /** Makes a state the newest. False when somebody else was quicker: then it has to be made anew from theirs. */
  async commit(state: RefState, call: CallOptions = {}): Promise<boolean> {
    const token = randomBytes(16).toString('hex')
    try {
      await this.#store.put(this.#path(state.generation), bufferSource(formatState(state, token)), {
        ...call,
        ifAbsent: true,
      })
      return true
    } catch (error) {
      if (!isStoreError(error, 'conflict')) throw error
    }
    // It may be ours: written by a try whose answer was lost.
    return (await this.#read(state.generation, call)).token === token
  }

  async #newestGeneration(call: CallOptions): Promise<number> {
    let newest = 0
    for await (const { path } of this.#store.list(this.#directory, call)) {
      const [, digits] = /\/(\d{10})$/.exec(path) ?? []
      if (digits !== undefined) newest = Math.max(newest, Number(digits))
    }
    return newest
  }

  async #read(generation: number, call: CallOptions): Promise<{ state: RefState; token: unknown }> {
    const path = this.#path(generation)
    let text = ''
    try {
      await this.#store.get(
        path,
        async (bytes) => {
          text = (await collect(bytes, MAX_STATE_BYTES)).toString()
        },
        call,
      )
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
    }
    const parsed = parseState(text, generation)
    if (parsed !== undefined) return parsed
    const where = `${this.#store.traits.root}/${path}`
    throw new StoreError({ kind: 'corrupt', op: 'get', where, message: 'this is no state of refs that riastore wrote' })
  }

  #path(generation: number): string {
    return `${this.#directory}/${String(generation).padStart(10, '0')}`
  }
}
