import { type FileIdentity, identityAt, isSameFile, isSettled } from './disk-file.ts'

/** A content that is in memory, and has its key's checksum. */
export interface Held {
  readonly content: Buffer
  readonly identity: FileIdentity
  /** Clients to whom it is being sent. */
  users: number
  /** It is given to who asks next. */
  isKept: boolean
}

/** All contents together, those being sent among them. Bytes. */
const ALL_BYTES = 64 * 1024 * 1024

/** Larger ones would leave little room for others. Bytes. */
export const HELD_BYTES = 1024 * 1024

/** What an entry takes besides its content, roughly. Bytes. */
const ENTRY_BYTES = 1024

/** So many are looked at for one that nobody uses. */
const LOOKS = 64

/**
 * The contents that were asked for last, within bounds, by their files. What is known of a file
 * counts only while it is the same: it is looked at each time.
 */
export class HeldContents {
  readonly #kept = new Map<string, Held>()
  readonly #maxBytes: number
  /** Of what is kept, and of what is not any more and still being sent. */
  #bytes = 0

  constructor(maxBytes: number = ALL_BYTES) {
    this.#maxBytes = maxBytes
  }

  /** The content of a file that is still what it was. To be let go. */
  take(path: string): Held | undefined {
    const held = this.#kept.get(path)
    if (held === undefined) return undefined
    const now = identityAt(path)
    this.#kept.delete(path)
    if (now === undefined || !isSameFile(now, held.identity)) {
      this.#forget(held)
      return undefined
    }
    this.#kept.set(path, held) // the last that was asked for
    held.users += 1
    return held
  }

  /** Makes room for a content of so many bytes; false while there is none. */
  makeRoom(bytes: number): boolean {
    if (bytes > HELD_BYTES) return false
    let looks = LOOKS
    for (const [path, held] of this.#kept) {
      if (this.#hasRoom(bytes) || looks === 0) break
      looks -= 1
      if (held.users > 0) continue
      this.#kept.delete(path)
      this.#forget(held)
    }
    return this.#hasRoom(bytes)
  }

  /**
   * Takes in a content for which there is room. It is kept where its file would tell of a change.
   * To be let go.
   */
  add(path: string, identity: FileIdentity, content: Buffer): Held {
    const isKept = isSettled(identity)
    const held = { identity, content, users: 1, isKept }
    this.#bytes += content.length + ENTRY_BYTES
    if (isKept) this.#kept.set(path, held)
    return held
  }

  /** One who took it, or added it, needs it no more. */
  letGo(held: Held): void {
    held.users -= 1
    if (held.users === 0 && !held.isKept) this.#free(held)
  }

  #forget(held: Held): void {
    held.isKept = false
    if (held.users === 0) this.#free(held)
  }

  #free({ content }: Held): void {
    this.#bytes -= content.length + ENTRY_BYTES
  }

  #hasRoom(bytes: number): boolean {
    return this.#bytes + bytes + ENTRY_BYTES <= this.#maxBytes
  }
}
