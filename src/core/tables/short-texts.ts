/**
 * A short text of ASCII characters for each place from 0 on: empty where none was set. Each takes
 * as many bytes as the longest may have.
 */
export class ShortTexts {
  readonly #width: number
  #bytes: Buffer

  /** `width`: characters that a text has at most. `count`: how many are expected. */
  constructor(width: number, count = 1024) {
    this.#width = width
    this.#bytes = Buffer.alloc(width * count)
  }

  get(place: number): string {
    const start = place * this.#width
    let end = Math.min(start + this.#width, this.#bytes.length)
    while (end > start && this.#bytes[end - 1] === 0) end -= 1
    return this.#bytes.toString('latin1', start, end)
  }

  set(place: number, text: string): void {
    const end = (place + 1) * this.#width
    if (end > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(end, this.#bytes.length * 2))
      grown.set(this.#bytes)
      this.#bytes = grown
    }
    this.#bytes.fill(0, end - this.#width, end)
    this.#bytes.write(text, end - this.#width, this.#width, 'latin1')
  }
}
