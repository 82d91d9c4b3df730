import { decode } from '../core/text.ts'

/**
 * More than any request of git-annex: two file names of the longest kind and some. Longer lines are
 * no requests. Bytes.
 */
export const MAX_LINE_BYTES = 64 * 1024

export interface Line {
  readonly text: string
  /** The line was longer than MAX_LINE_BYTES: `text` is its beginning, the rest was not kept. */
  readonly cut: boolean
}

/** Splits bytes into lines, in bounded memory. */
export class LineSplitter {
  #parts: Buffer[] = []
  #length = 0
  #cut = false

  push(bytes: Uint8Array): readonly Line[] {
    const lines: Line[] = []
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    let start = 0
    for (let end = buffer.indexOf(10); end >= 0; end = buffer.indexOf(10, start)) {
      this.#keep(buffer.subarray(start, end))
      start = end + 1
      lines.push({ text: decode(Buffer.concat(this.#parts)), cut: this.#cut })
      this.#parts = []
      this.#length = 0
      this.#cut = false
    }
    this.#keep(buffer.subarray(start))
    return lines
  }

  #keep(part: Buffer): void {
    const room = MAX_LINE_BYTES - this.#length
    if (part.length > room) this.#cut = true
    if (part.length === 0 || room === 0) return
    this.#parts.push(Buffer.from(part.subarray(0, room)))
    this.#length += Math.min(part.length, room)
  }
}

export interface Framed {
  readonly job: number
  readonly message: string
}

/**
 * Takes the `J <n> ` off a line of the ASYNC extension; undefined for a line that has none, or no
 * job number.
 */
export function unframe(line: string): Framed | undefined {
  const [, job, message] = /^J ([1-9][0-9]{0,8}) (.*)$/s.exec(line) ?? []
  return job === undefined || message === undefined ? undefined : { job: Number(job), message }
}

export function frame({ job, message }: Framed): string {
  return `J ${job} ${message}`
}
