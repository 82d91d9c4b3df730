/**
 * What was looked up and is believed for a while; whoever asks meanwhile gets the same. Failures
 * are told to those who wait for them, and kept for nobody else.
 */
export class Aged<T> {
  readonly #known = new Map<string, { readonly at: number; readonly value: Promise<T> }>()
  readonly #maxMs: number
  readonly #maxCount: number

  constructor(maxMs: number, maxCount: number) {
    this.#maxMs = maxMs
    this.#maxCount = maxCount
  }

  get(name: string, look: () => Promise<T>): Promise<T> {
    const known = this.#known.get(name)
    if (known !== undefined && performance.now() - known.at < this.#maxMs) return known.value
    const found = { at: performance.now(), value: look() }
    this.#known.delete(name)
    this.#known.set(name, found)
    found.value.catch(() => {
      if (this.#known.get(name) === found) this.#known.delete(name)
    })
    const [oldest] = this.#known.keys()
    if (this.#known.size > this.#maxCount && oldest !== undefined) this.#known.delete(oldest)
    return found.value
  }
}
