import { closeSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import { orAborted } from '../../core/abort.ts'
import { codeOf, StoreError } from '../../core/errors.ts'
import type { Hasher } from '../../core/hasher.ts'
import { Fetch } from './fetch.ts'
import type { KeySource } from './key-source.ts'
import { PartFile, readAll } from './part-file.ts'
import type { Places } from './places.ts'
import { BLOCK, Windows } from './windows.ts'

/** After so many blocks that are only held against the checksum, others get their turn. */
const BLOCKS_A_TURN = 16

export interface CachedKeyEvents {
  /** So many bytes were written to the disk. */
  readonly onGrown: (bytes: number) => void
  /** The disk is full: room has to be made. */
  readonly onFull: () => void
}

/**
 * A key that is read in parts. Each part is asked of the store when it is first wanted, and kept.
 * The bytes run through the checksum in their order, as soon as they are there; the read that
 * brings the last one that was missing waits for what the checksum says, and when that is wrong it
 * fails, and so do all that come after it.
 */
export class CachedKey {
  readonly source: KeySource
  readonly #places: Places
  readonly #events: CachedKeyEvents
  readonly #blocks: number
  readonly #windows = new Windows()
  readonly #fetches = new Set<Fetch>()
  /** What is open: the whole content, or a file that is being filled. */
  #content: { readonly wholeFd: number } | { readonly part: PartFile }
  #hasher: Hasher | undefined
  /** Blocks that ran through the checksum. */
  #hashed = 0
  /** All of them are in the file still. */
  #isGapless = true
  #damage: Error | undefined
  #closed = false

  /** `wholeFd`: of its whole content, which was checked. */
  constructor(places: Places, source: KeySource, wholeFd: number | undefined, events: CachedKeyEvents) {
    this.source = source
    this.#places = places
    this.#events = events
    this.#blocks = Math.ceil(source.size / BLOCK)
    this.#content = wholeFd === undefined ? { part: PartFile.open(places, source) } : { wholeFd }
  }

  /** Whether all of it is here, and was checked where that can be. */
  get isWhole(): boolean {
    return 'wholeFd' in this.#content || this.#content.part.missing === 0
  }

  /** What is wrong with it. */
  get damage(): Error | undefined {
    return this.#damage
  }

  /**
   * Reads a range; at the end it is shorter. Throws StoreError, `corrupt` when what came has not
   * the checksum; and errors of the disk that the cache is on.
   */
  async read(offset: number, length: number, signal: AbortSignal): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(Math.max(0, Math.min(length, this.source.size - offset)))
    for (let at = 0; at < bytes.length; ) {
      const block = Math.floor((offset + at) / BLOCK)
      this.#fetchAhead(block)
      while (!this.#has(block)) await this.#bring(block, signal)
      // Nothing else has happened since, so it cannot have been given up.
      const end = Math.min(bytes.length, (block + 1) * BLOCK - offset)
      this.#readHere(bytes.subarray(at, end), offset + at)
      at = end
    }
    return bytes
  }

  /** Gives up its place on the disk, while it is in use. */
  giveUp(): void {
    if (this.isWhole || this.#damage !== undefined || !('part' in this.#content)) return
    const { part } = this.#content
    part.remove()
    part.close()
    if (this.#hashed > 0) this.#isGapless = false
    this.#content = { part: PartFile.create(this.#places, this.source) }
  }

  close(): void {
    this.#closed = true
    for (const fetch of this.#fetches) fetch.stop()
    if ('wholeFd' in this.#content) closeSync(this.#content.wholeFd)
    else if (this.isWhole || this.#damage !== undefined) this.#content.part.close()
    else this.#content.part.leave()
  }

  async #bring(block: number, signal: AbortSignal): Promise<void> {
    const fetch = this.#fetchOf(block) ?? this.#fetch(block)
    await orAborted(fetch.reached(block), 'get', this.source.name, signal)
  }

  /** Throws when nothing can be read any more. */
  #has(block: number): boolean {
    if (this.#damage !== undefined) throw this.#damage
    if (this.#closed) throw new StoreError({ kind: 'aborted', op: 'get', where: this.source.name, message: 'closed' })
    return 'wholeFd' in this.#content || this.#content.part.has(block)
  }

  #readHere(bytes: Buffer, position: number): void {
    if ('wholeFd' in this.#content) readAll(this.#content.wholeFd, bytes, position)
    else this.#content.part.read(bytes, position)
  }

  #fetchOf(block: number): Fetch | undefined {
    for (const fetch of this.#fetches) if (fetch.brings(block)) return fetch
    return undefined
  }

  #fetchAhead(block: number): void {
    const ahead = this.#windows.ahead(block)
    if (ahead === undefined || ahead >= this.#blocks || this.#has(ahead) || this.#fetchOf(ahead)) return
    this.#fetch(ahead)
  }

  #fetch(block: number): Fetch {
    const run = this.#windows.next(block, this.#blocks, (each) => this.#has(each) || this.#fetchOf(each) !== undefined)
    const fetch = new Fetch(this.source, run, (each, bytes) => this.#take(each, bytes))
    this.#fetches.add(fetch)
    fetch.ended.then(() => this.#fetches.delete(fetch))
    return fetch
  }

  async #take(block: number, bytes: Uint8Array): Promise<void> {
    if (this.#has(block) || !('part' in this.#content)) return
    const { part } = this.#content
    this.#write(part, block, bytes)
    await this.#hash(part, block, bytes)
    if (!this.#fills(part)) return
    part.note(block)
    if (part.missing === 0) part.becomeWhole()
  }

  #write(part: PartFile, block: number, bytes: Uint8Array): void {
    try {
      part.put(block, bytes)
    } catch (error) {
      if (codeOf(error) !== 'ENOSPC') throw error
      this.#events.onFull()
      part.put(block, bytes)
    }
    this.#events.onGrown(bytes.length)
  }

  /**
   * Has the checksum see what came, if it is its turn, and what was there behind it. When nothing
   * is missing any more it sees all the rest. Throws `corrupt`.
   */
  async #hash(part: PartFile, block: number, bytes: Uint8Array): Promise<void> {
    const { checksum } = this.source
    if (checksum === undefined) return
    const isLast = part.missing === 1
    const isThere = (each: number) => each === block || part.has(each)
    for (;;) {
      const begun = this.#hasher ?? (await checksum.start())
      this.#hasher ??= begun // unless another block that came has begun it meanwhile
      if (!this.#fills(part)) return
      for (let n = 0; n < BLOCKS_A_TURN && this.#hashed < this.#blocks && isThere(this.#hashed); n++) {
        this.#hasher.update(this.#hashed === block ? bytes : this.#blockOf(part, this.#hashed))
        this.#hashed += 1
      }
      const isDone = this.#hashed === this.#blocks && this.#finishHash(checksum.expected)
      if (isDone || !isLast) return
      await turn()
    }
  }

  /** Whether a file is still the one that is filled. */
  #fills(part: PartFile): boolean {
    return !this.#closed && 'part' in this.#content && this.#content.part === part
  }

  #blockOf(part: PartFile, block: number): Buffer {
    const bytes = Buffer.allocUnsafe(Math.min(BLOCK, this.source.size - block * BLOCK))
    part.read(bytes, block * BLOCK)
    return bytes
  }

  /**
   * True when what is in the file is good; false when it was good what came, and some of it is not
   * in the file any more: then it begins anew. Throws `corrupt`.
   */
  #finishHash(expected: string): boolean {
    const isGood = this.#hasher?.hex() === expected
    const wasGapless = this.#isGapless
    this.#hasher = undefined
    this.#hashed = 0
    this.#isGapless = true
    if (isGood) return wasGapless
    this.#damage = this.source.damaged()
    if ('part' in this.#content) this.#content.part.remove()
    for (const fetch of this.#fetches) fetch.stop()
    throw this.#damage
  }
}
