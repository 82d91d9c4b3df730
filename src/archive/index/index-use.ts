import { messageOf, StoreError } from '../../core/errors.ts'
import type { MemberIndex } from './member-index.ts'

/**
 * Opens the index: first as it is in the cache; `again` counts how often an index was found to be
 * damaged since.
 */
export type Reopen = (again: number) => Promise<MemberIndex>

/** After so many damaged indices it is told. */
const MAX_REOPENED = 2

/** Uses an index and replaces it when it turns out to be damaged, while others use it too. */
export class IndexUse {
  readonly #where: string
  readonly #reopen: Reopen
  readonly #working = new Set<Promise<unknown>>()
  #index: MemberIndex
  #reopening: Promise<void> | undefined
  #reopened = 0
  #closed = false

  constructor(where: string, index: MemberIndex, reopen: Reopen) {
    this.#where = where
    this.#index = index
    this.#reopen = reopen
  }

  get count(): number {
    return this.#index.count
  }

  /**
   * Does `work` with the index, again with a new one when the index cannot be read. Rejects with
   * StoreError.
   */
  async use<T>(work: (index: MemberIndex) => Promise<T>): Promise<T> {
    for (;;) {
      if (this.#reopening !== undefined) await this.#reopening
      if (this.#closed) throw this.#error('aborted', 'the archive is closed')
      const index = this.#index
      const working = work(index)
      this.#working.add(working)
      try {
        return await working
      } catch (error) {
        if (error instanceof StoreError) throw error
        if (this.#closed) throw this.#error('aborted', 'the archive is closed')
        if (index === this.#index) await this.#replace(error)
      } finally {
        this.#working.delete(working)
      }
    }
  }

  /** Waits for what is under way. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#reopening?.catch(() => {})
    await this.#closeWhenIdle(this.#index)
  }

  #replace(reason: unknown): Promise<void> {
    this.#reopening ??= this.#openAnother(reason).finally(() => {
      this.#reopening = undefined
    })
    return this.#reopening
  }

  async #openAnother(reason: unknown): Promise<void> {
    this.#reopened += 1
    if (this.#reopened > MAX_REOPENED) {
      throw this.#error('corrupt', `the index in the cache is damaged again and again: ${messageOf(reason)}`)
    }
    const old = this.#index
    this.#index = await this.#reopen(this.#reopened)
    this.#closeWhenIdle(old).catch(() => {})
  }

  async #closeWhenIdle(index: MemberIndex): Promise<void> {
    await Promise.allSettled(this.#working)
    await index.close()
  }

  #error(kind: StoreError['kind'], message: string): StoreError {
    return new StoreError({ kind, op: 'get', where: this.#where, message })
  }
}
