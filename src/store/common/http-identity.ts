import type { Stat } from '../store.ts'

/**
 * A file whose time was so long ago when it was seen has another one when it was changed since. ms.
 */
const SETTLED_MS = 60_000

/** So many files are remembered: archives, and what is being read. */
const MAX_FILES = 256

interface Seen {
  readonly stat: Stat
  /** It had not been changed for SETTLED_MS when it was seen, by the server's own clock. */
  readonly settled: boolean
}

/**
 * Knows a file again that is told of by another ETag. Mirrors behind one name make their ETags each
 * in its own way, and proxies mark them as weak; without this an archive would count as replaced
 * with each answer.
 */
export class KnownFiles {
  readonly #seen = new Map<string, Seen>()

  /**
   * Returns the Stat with the identity that the file had when it was first seen. It is the same
   * file when its length is, and its ETag; or its time, if that lay SETTLED_MS back already when we
   * saw it first: whatever replaced it since is younger (RFC 9110, section 8.8.2.2). `dateMs`: the
   * server's clock.
   */
  recognize(url: string, stat: Stat, dateMs: number | undefined): Stat {
    const known = this.#seen.get(url)
    const isSame = known !== undefined && known.stat.size === stat.size && isSameFile(known, stat)
    const age = dateMs === undefined || stat.mtimeMs === undefined ? 0 : dateMs - stat.mtimeMs
    const seen = { stat: isSame ? { ...stat, identity: known.stat.identity } : stat, settled: age >= SETTLED_MS }
    this.#seen.delete(url) // the oldest come first
    this.#seen.set(url, seen)
    if (this.#seen.size > MAX_FILES) this.#seen.delete(this.#seen.keys().next().value ?? '')
    return seen.stat
  }
}

function isSameFile({ stat: known, settled }: Seen, stat: Stat): boolean {
  return known.identity === stat.identity || (settled && stat.mtimeMs !== undefined && known.mtimeMs === stat.mtimeMs)
}
