type Turn =
  | { readonly chunk: Uint8Array; readonly taken: () => void }
  | { readonly ended: true }
  | { readonly error: unknown }

/**
 * Turns what is pushed into what is pulled: a chunk is the giver's again when the next one is asked
 * for.
 */
export class Handover implements AsyncIterable<Uint8Array> {
  #turn: Turn | undefined
  #wake: (() => void) | undefined
  #stopped = false

  give(chunk: Uint8Array): Promise<void> {
    if (this.#stopped) return Promise.reject(new Error('nobody reads this any more'))
    return new Promise((taken) => this.#set({ chunk, taken }))
  }

  end(): void {
    this.#set({ ended: true })
  }

  fail(error: unknown): void {
    this.#set({ error })
  }

  /** Whoever waits for a chunk to be taken need not any more. */
  stop(): void {
    this.#stopped = true
    if (this.#turn !== undefined && 'taken' in this.#turn) this.#turn.taken()
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    for (;;) {
      const turn = this.#turn ?? (await this.#next())
      if ('error' in turn) throw turn.error
      if ('ended' in turn) return
      yield turn.chunk
      this.#turn = undefined
      turn.taken()
    }
  }

  async #next(): Promise<Turn> {
    await new Promise<void>((wake) => {
      this.#wake = wake
    })
    if (this.#turn === undefined) throw new Error('woken without a reason')
    return this.#turn
  }

  #set(turn: Turn): void {
    this.#turn = turn
    this.#wake?.()
    this.#wake = undefined
  }
}
