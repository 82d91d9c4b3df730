import * as fs from 'node:fs'
import { localError } from '../clone/local-error.ts'

const BUFFER_BYTES = 256 * 1024

/**
 * A file that is written from its beginning to its end and then read by a program. It has no name
 * any more when it is read.
 */
export class SpoolFile {
  readonly #path: string
  readonly #fd: number
  readonly #buffer = Buffer.allocUnsafe(BUFFER_BYTES)
  #used = 0

  /** Throws StoreError, as the other methods do. */
  constructor(path: string) {
    this.#path = path
    try {
      this.#fd = fs.openSync(path, 'wx+', 0o600)
    } catch (error) {
      throw localError(error, path)
    }
  }

  add(...parts: readonly (string | Uint8Array)[]): void {
    for (const part of parts) {
      const bytes = typeof part === 'string' ? Buffer.from(part) : part
      if (this.#used + bytes.length > BUFFER_BYTES) this.#flush()
      if (bytes.length > BUFFER_BYTES) this.#write(bytes)
      else {
        this.#buffer.set(bytes, this.#used)
        this.#used += bytes.length
      }
    }
  }

  /** Ends writing. Returns a descriptor that reads from the beginning; the caller closes it. */
  finish(): number {
    this.#flush()
    try {
      const reading = fs.openSync(this.#path, 'r')
      fs.closeSync(this.#fd)
      fs.unlinkSync(this.#path)
      return reading
    } catch (error) {
      throw localError(error, this.#path)
    }
  }

  #flush(): void {
    this.#write(this.#buffer.subarray(0, this.#used))
    this.#used = 0
  }

  #write(bytes: Uint8Array): void {
    try {
      for (let done = 0; done < bytes.length; ) done += fs.writeSync(this.#fd, bytes, done)
    } catch (error) {
      throw localError(error, this.#path)
    }
  }
}
