import type { Readable } from 'node:stream'
import { EXEC_OUTPUT_BYTES } from '../exec.ts'

/**
 * Keeps what a stream gives, up to a limit; what is more is read and thrown away, so that the
 * writer goes on.
 */
export class Capture {
  readonly #chunks: Buffer[] = []
  #length = 0

  constructor(stream: Readable) {
    stream.on('data', (chunk: Buffer) => {
      if (this.#length < EXEC_OUTPUT_BYTES) this.#chunks.push(chunk.subarray(0, EXEC_OUTPUT_BYTES - this.#length))
      this.#length += chunk.length
    })
    stream.on('error', () => {}) // told by how the program ended
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }
}
