import { abortedError } from '../../core/abort.ts'
import { StoreError } from '../../core/errors.ts'
import type { Bytes, Source } from '../../core/source.ts'
import type { Consumer, Entry } from '../store.ts'
import type { Fault } from './faulty.ts'

/** One call and the fault, if any, that hits it. */
export class FaultyCall {
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

  async *entries(entries: AsyncIterable<Entry>): AsyncIterable<Entry> {
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
