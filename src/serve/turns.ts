/** So many requests are begun before it is looked again whether somebody wants to connect. */
const AT_ONCE = 16

/**
 * Requests are begun one after the other, in the order in which they came. Node lets in one new
 * connection each time that it looks what there is to do. If it did all that others ask for in
 * between, a thousand who connect at once would wait for each other's answers a thousand times, and
 * the last of them for seconds.
 */
export class Turns {
  #waiting: (() => void)[] = []
  /** What of `#waiting` was begun. */
  #begun = 0
  #isPlanned = false
  #isConnecting = false

  /** Somebody has connected: there may be others, who are let in first. */
  noteConnection(): void {
    this.#isConnecting = true
  }

  /** Calls `begin`, which never throws, when it is its turn. */
  take(begin: () => void): void {
    this.#waiting.push(begin)
    this.#plan()
  }

  /** Resolves when it is the turn of who waits. */
  next(): Promise<void> {
    return new Promise((resolve) => this.take(resolve))
  }

  #plan(): void {
    if (this.#isPlanned) return
    this.#isPlanned = true
    setImmediate(() => this.#go())
  }

  #go(): void {
    const most = this.#isConnecting ? 1 : AT_ONCE
    this.#isPlanned = false
    this.#isConnecting = false
    const end = Math.min(this.#begun + most, this.#waiting.length)
    while (this.#begun < end) this.#waiting[this.#begun++]?.()
    if (this.#begun < this.#waiting.length) this.#plan()
    if (this.#begun * 2 < this.#waiting.length) return
    this.#waiting = this.#waiting.slice(this.#begun)
    this.#begun = 0
  }
}
