import { abortedError } from '../../core/abort.ts'
import { StoreError, type StoreErrorKind } from '../../core/errors.ts'
import type { Bytes, Source } from '../../core/source.ts'
import type { Consumer, Store } from '../store.ts'
import { around, type Call } from './around.ts'

export type FaultyOp = Call['op']

/**
 * What goes wrong in a call. `at`: before the backend acts (the default), after it has acted, or
 * when so many bytes of a get or put (entries of a list) have passed.
 */
export type Fault =
  | { readonly fail: StoreErrorKind; readonly at?: 'before' | 'after' | number; readonly sent?: 'no' | 'maybe' }
  /** Nothing happens any more until the signal aborts. */
  | { readonly stall: true; readonly at?: 'before' | 'after' | number }
  /** A get ends after so many bytes as if that were all: a lie that no contract allows. */
  | { readonly truncate: number }
  /** The lowest bit of the byte at this offset is another, in what a get gives or a put stores. */
  | { readonly flip: number }

/** A fault and the calls that it hits. */
export type PlannedFault = Fault & {
  /** Default: any. */
  readonly op?: FaultyOp
  /** Default: any. */
  readonly path?: string
  /** Which of the calls that match it hits first, from 1 (the default). */
  readonly nth?: number
  /** How many of them in a row. Default 1. */
  readonly times?: number
}

export interface CallMade {
  readonly op: FaultyOp
  readonly path: string
}

export type FaultPlan = readonly PlannedFault[] | ((call: CallMade) => Fault | undefined)

/** A store whose backend fails by plan. `calls` has every call that was made of it. */
export interface FaultyStore extends Store {
  readonly calls: readonly CallMade[]
}

/** Wraps a store so that it fails as planned; what is not hit works. */
export function withFaults(store: Store, plan: FaultPlan): FaultyStore {
  const calls: CallMade[] = []
  const planned = typeof plan === 'function' ? plan : scripted(plan)
  const begin = (op: FaultyOp, path: string, signal?: AbortSignal) => {
    calls.push({ op, path })
    return new FaultyCall(planned({ op, path }), op, `${store.traits.root}/${path}`, signal)
  }

  const faulty = around(store, {
    async call({ op, paths }, options, work) {
      const made = paths.slice(0, op === 'stat' ? undefined : 1).map((path) => begin(op, path, options?.signal))
      for (const call of made) await call.reach('before')
      const value = await work(options)
      for (const call of made) await call.reach('after')
      return value
    },
    get(path, consume, options) {
      const call = begin('get', path, options?.signal)
      return call.around(() => store.get(path, call.consumer(consume), options))
    },
    put(path, source, options) {
      const call = begin('put', path, options?.signal)
      return call.around(() => store.put(path, call.source(source), options))
    },
    exec: (command, options) =>
      begin('exec', command.join(' '), options.signal).around(() => store.exec(command, options)),
    async *list(directory, options, open) {
      const call = begin('list', directory, options?.signal)
      await call.reach('before')
      yield* call.entries(open(options))
      await call.reach('after')
    },
  })
  return Object.defineProperty(faulty, 'calls', { value: calls, enumerable: true }) as FaultyStore
}

/**
 * A plan that hits `rate` (0 to 1) of all calls with one of `faults`; the same seed gives the same
 * plan.
 */
export function seededFaults(seed: number, rate: number, faults: readonly Fault[]): FaultPlan {
  const random = randomNumbers(seed)
  return () => {
    const [hit, which] = [random(), random()]
    return hit < rate ? faults[Math.floor(which * faults.length)] : undefined
  }
}

function scripted(plan: readonly PlannedFault[]): (call: CallMade) => Fault | undefined {
  const seen = plan.map(() => 0)
  return ({ op, path }) => {
    let hit: Fault | undefined
    for (const [i, fault] of plan.entries()) {
      if ((fault.op ?? op) !== op || (fault.path ?? path) !== path) continue
      const count = (seen[i] ?? 0) + 1
      seen[i] = count
      const first = fault.nth ?? 1
      if (count >= first && count < first + (fault.times ?? 1)) hit ??= fault
    }
    return hit
  }
}

/** mulberry32: small, and the same everywhere. */
function randomNumbers(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** One call and the fault, if any, that hits it. */
class FaultyCall {
  readonly #fault: Fault
  readonly #op: string
  readonly #where: string
  readonly #signal: AbortSignal | undefined

  constructor(fault: Fault | undefined, op: string, where: string, signal: AbortSignal | undefined) {
    this.#fault = fault ?? { flip: Number.POSITIVE_INFINITY } // which nothing reaches
    this.#op = op
    this.#where = where
    this.#signal = signal
  }

  async around<T>(work: () => Promise<T>): Promise<T> {
    await this.reach('before')
    const value = await work()
    await this.reach('after')
    return value
  }

  /** Fails or stalls if this is the moment that the fault names. */
  async reach(moment: 'before' | 'after' | number): Promise<void> {
    const fault = this.#fault
    if (!('fail' in fault || 'stall' in fault) || (fault.at ?? 'before') !== moment) return
    if ('stall' in fault) return this.#stall()
    const sent = fault.sent ?? (moment === 'before' ? 'no' : 'maybe')
    throw new StoreError({ kind: fault.fail, op: this.#op, where: this.#where, message: 'failed by plan', sent })
  }

  consumer(consume: Consumer): Consumer {
    return (bytes, stat) => consume(this.#bytes(bytes), stat)
  }

  source(source: Source): Source {
    return { size: source.size, open: (signal) => this.#bytes(source.open(signal)) }
  }

  async *entries<T>(entries: AsyncIterable<T>): AsyncIterable<T> {
    let count = 0
    for await (const entry of entries) {
      await this.reach(count)
      yield entry
      count += 1
    }
    await this.reach(count)
  }

  async *#bytes(bytes: Bytes): Bytes {
    const fault = this.#fault
    const stopAt = 'at' in fault && typeof fault.at === 'number' ? fault.at : Number.POSITIVE_INFINITY
    const truncateAt = 'truncate' in fault ? fault.truncate : Number.POSITIVE_INFINITY
    let position = 0
    if (stopAt === 0) await this.reach(0)
    for await (const chunk of bytes) {
      const end = position + chunk.length
      // What is cut off is read all the same: the backend beneath must not notice.
      const wanted = chunk.subarray(0, Math.max(0, Math.min(stopAt, truncateAt, end) - position))
      if (wanted.length > 0) yield 'flip' in fault ? flipBit(wanted, fault.flip - position) : wanted
      if (end >= stopAt && position < stopAt) await this.reach(stopAt)
      position = end
    }
  }

  #stall(): Promise<never> {
    return new Promise((_resolve, reject) => {
      const signal = this.#signal
      if (signal === undefined) return
      const giveUp = () => reject(abortedError(this.#op, this.#where, signal))
      if (signal.aborted) giveUp()
      else signal.addEventListener('abort', giveUp, { once: true })
    })
  }
}

function flipBit(chunk: Uint8Array, offset: number): Uint8Array {
  if (offset < 0 || offset >= chunk.length) return chunk
  const flipped = Buffer.from(chunk)
  flipped.writeUInt8(flipped.readUInt8(offset) ^ 1, offset)
  return flipped
}
