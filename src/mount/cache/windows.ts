/** What is read and kept as one. Bytes. */
export const BLOCK = 256 * 1024

/** Blocks that the first read at a place brings, and the most that one that goes on there does. */
const WINDOW = { first: 4, most: 256 } as const

/** A run of blocks, `to` not among them. */
export interface Run {
  readonly from: number
  readonly to: number
}

/**
 * How much is read at once: little where somebody looks into a file here and there, and twice as
 * much each time where somebody reads on.
 */
export class Windows {
  #last: Run = { from: 0, to: 0 }
  #length = WINDOW.first as number

  /** What to read for a block that is not there. `isThere` ends it before blocks that are. */
  next(block: number, blocks: number, isThere: (block: number) => boolean): Run {
    this.#length = block === this.#last.to && block > 0 ? Math.min(this.#length * 2, WINDOW.most) : WINDOW.first
    const end = Math.min(block + this.#length, blocks)
    let to = block + 1
    while (to < end && !isThere(to)) to += 1
    this.#last = { from: block, to }
    return this.#last
  }

  /**
   * The block at which to read ahead, for somebody who is at `block` and has read on so far that it
   * will be wanted; undefined otherwise.
   */
  ahead(block: number): number | undefined {
    const { from, to } = this.#last
    const isReadingOn = this.#length > WINDOW.first || from === 0
    return isReadingOn && block >= (from + to) / 2 && block < to ? to : undefined
  }
}
