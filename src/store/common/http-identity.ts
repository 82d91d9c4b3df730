import type { Stat } from '../store.ts'

/**
 * A file whose time was so long ago when it was seen has another one when it was changed since. ms.
 */
const SETTLED_MS = 60_000

/** So many files are remembered: archives, and what is being read. */
const MAX_FILES = 256

/** So many names of one file are remembered. */
const MAX_NAMES = 64

/** So often a file's fingerprint is asked for, until the server answers that told of it newly. */
const MAX_LOOKS = 8

/** Bytes of a file that say what all of it is (`GetOptions.fingerprint`), from its beginning on. */
export interface Fingerprint {
  readonly bytes: Buffer
  /** What the answer that held them said of the file. */
  readonly stat: Stat
}

type Look = (bytes: number) => Promise<Fingerprint | undefined>

/** What is known of a file. */
interface Known {
  /** As it was last told of, with the identity that it had when it was first seen. */
  stat: Stat
  /** It had not been changed for SETTLED_MS when it was last seen, by the server's own clock. */
  settled: boolean
  fingerprint: Buffer | undefined
  /** Identities that it was told of by, each known to belong to this very file. */
  readonly names: Set<string>
}

/**
 * Knows a file again that is told of by another ETag. Mirrors behind one name make their ETags each
 * in its own way, and proxies mark them as weak; without this an archive would count as replaced
 * with each answer.
 */
export class KnownFiles {
  readonly #files = new Map<string, Known>()
  /** Files that were another one by the same identity. */
  #others = 0

  /**
   * Returns the Stat with the identity that the file had when it was first seen. It is the same
   * file when its length is, and
   *
   * - its ETag is; or
   * - its time is, if that lay SETTLED_MS back already when we saw it first: whatever replaced it
   *   since is younger (RFC 9110, section 8.8.2.2). `dateMs`: the server's clock; or
   * - its fingerprint is. Each identity is bound to the fingerprint that came in one answer with
   *   it.
   *
   * `fingerprint`: what just came with this Stat, if that did. `look` reads so many bytes;
   * undefined when the file is gone.
   */
  async recognize(
    url: string,
    stat: Stat,
    dateMs: number | undefined,
    look: Look,
    fingerprint?: Buffer,
  ): Promise<Stat> {
    const known = this.#sameLength(url, stat)
    if (known === undefined) return this.#begin(url, stat, dateMs, fingerprint)
    const isNamed = known.names.has(stat.identity) || (known.fingerprint === undefined && isSameTime(known, stat))
    if (fingerprint !== undefined && (isNamed || known.fingerprint !== undefined)) {
      const isSame = known.fingerprint === undefined || known.fingerprint.equals(fingerprint)
      if (!isSame) return this.#begin(url, stat, dateMs, fingerprint)
      known.fingerprint = fingerprint
      addName(known, stat.identity)
      return this.#seen(url, known, stat, dateMs)
    }
    const isSame = isNamed || isSameTime(known, stat) || (await this.#isProven(url, known, stat, look, fingerprint))
    if (isSame) return this.#seen(url, known, stat, dateMs)
    // Others may have found out meanwhile.
    const now = this.#sameLength(url, stat)
    if (now?.names.has(stat.identity) && fingerprint === undefined) return this.#seen(url, now, stat, dateMs)
    return this.#begin(url, stat, dateMs, fingerprint)
  }

  /**
   * Asks for the fingerprint until the server answers that is not known yet: the one that told of
   * the file newly; or, when it sent its own, one that told of it before.
   */
  async #isProven(url: string, known: Known, stat: Stat, look: Look, own: Buffer | undefined): Promise<boolean> {
    const fingerprint = known.fingerprint ?? own
    if (fingerprint === undefined) return false
    for (let looks = 0; looks < MAX_LOOKS; looks++) {
      const seen = await look(fingerprint.length)
      if (seen === undefined || this.#files.get(url) !== known) return false
      const isAwaited = own === undefined ? seen.stat.identity === stat.identity : known.names.has(seen.stat.identity)
      const isSame = seen.stat.size === stat.size && seen.bytes.equals(fingerprint)
      if (isAwaited && !isSame) return false
      if (own === undefined && isSame) addName(known, seen.stat.identity)
      if (!isAwaited) continue
      known.fingerprint = fingerprint
      addName(known, stat.identity)
      return true
    }
    return false
  }

  #sameLength(url: string, { size }: Stat): Known | undefined {
    const known = this.#files.get(url)
    return known?.stat.size === size ? known : undefined
  }

  #begin(url: string, stat: Stat, dateMs: number | undefined, fingerprint?: Buffer): Stat {
    const isTaken = this.#files.get(url)?.stat.identity === stat.identity
    if (isTaken) this.#others += 1
    const identity = isTaken ? `${stat.identity} (${this.#others})` : stat.identity
    const known = { stat: { ...stat, identity }, settled: false, fingerprint, names: new Set([stat.identity]) }
    return this.#seen(url, known, stat, dateMs)
  }

  #seen(url: string, known: Known, stat: Stat, dateMs: number | undefined): Stat {
    const age = dateMs === undefined || stat.mtimeMs === undefined ? 0 : dateMs - stat.mtimeMs
    known.settled = age >= SETTLED_MS
    known.stat = { ...stat, identity: known.stat.identity }
    this.#files.delete(url) // the oldest come first
    this.#files.set(url, known)
    if (this.#files.size > MAX_FILES) this.#files.delete(this.#files.keys().next().value ?? '')
    return known.stat
  }
}

function isSameTime({ stat: known, settled }: Known, stat: Stat): boolean {
  return settled && stat.mtimeMs !== undefined && known.mtimeMs === stat.mtimeMs
}

function addName({ names }: Known, name: string): void {
  if (names.size >= MAX_NAMES && !names.has(name)) names.clear()
  names.add(name)
}
