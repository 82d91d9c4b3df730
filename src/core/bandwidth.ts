import { setTimeout as sleep } from 'node:timers/promises'

/** Lets bytes through at a rate that all transfers share. */
export class Bandwidth {
  readonly #bytesPerMs: number | undefined
  /** When all that was let through so far is through, by the rate; ms. */
  #free = 0

  /** Without a rate everything passes at once. */
  constructor(bytesPerSecond: number | undefined) {
    this.#bytesPerMs = bytesPerSecond === undefined ? undefined : bytesPerSecond / 1000
  }

  get isLimited(): boolean {
    return this.#bytesPerMs !== undefined
  }

  /** Lets bytes through at once. Who comes next waits for them. */
  spend(bytes: number): void {
    if (this.#bytesPerMs !== undefined) this.#free = Math.max(this.#free, performance.now()) + bytes / this.#bytesPerMs
  }

  /** Waits until so many bytes may pass. Rejects with the signal's reason. */
  async pass(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.#bytesPerMs === undefined) return
    this.spend(bytes)
    const wait = this.#free - performance.now()
    if (wait > 1) await sleep(wait, undefined, { signal })
  }
}
