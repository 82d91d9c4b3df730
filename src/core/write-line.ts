import { writeSync } from 'node:fs'
import { codeOf } from './errors.ts'
import { encode } from './text.ts'

const clock = new Int32Array(new SharedArrayBuffer(4))

/**
 * Writes a line to a pipe, at once: shorter than the way through a stream. False when nobody reads
 * it any more.
 */
export function writeLine(fd: number, line: string): boolean {
  const bytes = encode(`${line}\n`)
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(fd, bytes, done)
    } catch (error) {
      if (codeOf(error) !== 'EAGAIN') return false
      Atomics.wait(clock, 0, 0, 1) // somebody made the pipe non-blocking, and it is full
    }
  }
  return true
}
