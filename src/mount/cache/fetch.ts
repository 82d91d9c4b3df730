import type { KeySource } from './key-source.ts'
import { BLOCK, type Run } from './windows.ts'

interface Waiting {
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** A run of blocks on its way from the store; `take` gets them in order, and is waited for. */
export class Fetch {
  /** Never rejects. */
  readonly ended: Promise<void>
  readonly #run: Run
  readonly #stop = new AbortController()
  readonly #waiting = new Map<number, Waiting>()
  /** The first block that has not come. */
  #at: number

  constructor(source: KeySource, run: Run, take: (block: number, bytes: Uint8Array) => Promise<void>) {
    this.#run = run
    this.#at = run.from
    this.ended = this.#bring(source, take)
  }

  /** Whether a block is still to come. */
  brings(block: number): boolean {
    return block >= this.#at && block < this.#run.to
  }

  /** Resolves when a block that is still to come was taken. Rejects with what came in between. */
  reached(block: number): Promise<void> {
    const known = this.#waiting.get(block)
    if (known !== undefined) return known.promise
    let resolve = () => {}
    let reject: Waiting['reject'] = () => {}
    const promise = new Promise<void>((fulfil, refuse) => {
      resolve = fulfil
      reject = refuse
    })
    promise.catch(() => {}) // whoever waited may have gone
    this.#waiting.set(block, { promise, resolve, reject })
    return promise
  }

  stop(): void {
    this.#stop.abort()
  }

  async #bring(source: KeySource, take: (block: number, bytes: Uint8Array) => Promise<void>): Promise<void> {
    const end = Math.min(this.#run.to * BLOCK, source.size)
    const buffer = Buffer.allocUnsafe(Math.min(BLOCK, end - this.#run.from * BLOCK))
    let filled = 0
    let position = this.#run.from * BLOCK
    const write = async (chunk: Uint8Array) => {
      for (let at = 0; at < chunk.length; ) {
        const length = Math.min(chunk.length - at, buffer.length - filled)
        buffer.set(chunk.subarray(at, at + length), filled)
        at += length
        filled += length
        position += length
        if (filled < buffer.length && position < end) continue
        await take(this.#at, buffer.subarray(0, filled))
        filled = 0
        this.#passed()
      }
    }
    try {
      await source.read({ start: position, end }, write, this.#stop.signal)
      if (position < end) throw new RangeError(`${source.name}: only ${position} of ${end} bytes came`)
    } catch (error) {
      this.#at = this.#run.to
      for (const { reject } of this.#waiting.values()) reject(error)
    }
  }

  #passed(): void {
    this.#waiting.get(this.#at)?.resolve()
    this.#waiting.delete(this.#at)
    this.#at += 1
  }
}
