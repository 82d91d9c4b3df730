import { readSync } from 'node:fs'

const chunk = Buffer.allocUnsafe(65536)
let unread = ''

/**
 * Reads from git-annex without an event loop, as the simplest remote does.
 * @returns {string | undefined} the next line without its end, undefined at the end of input
 */
export function readLine() {
  for (;;) {
    const end = unread.indexOf('\n')
    if (end >= 0) {
      const line = unread.slice(0, end)
      unread = unread.slice(end + 1)
      return line
    }
    const length = readSync(0, chunk)
    if (length === 0) return undefined
    unread += chunk.toString('latin1', 0, length)
  }
}
