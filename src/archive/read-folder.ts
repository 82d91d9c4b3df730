import type { Bytes } from '../core/source.ts'
import type { PackedFolder } from './index/folder-records.ts'
import type { IndexedMember } from './index/member-index.ts'
import type { ArchiveFile } from './index/read-end-header.ts'
import { type MemberConsumer, MemberRead, type ReadOptions, unpack } from './read-member.ts'

/** A member whose content comes by just now. */
export interface PassingMember {
  /** Which one it is, of those that were asked for. */
  readonly at: number
  /** As `Archive.read` does, but once: another read is a `conflict`. */
  read(consume: MemberConsumer, options: ReadOptions): Promise<void>
  /** Throws what keeps the folder from coming, if anything does: it is no fault of the member's. */
  throwFailure(): void
}

/** Does something with a member that comes by. What is not read of it is passed over. */
export type UseMember = (passing: PassingMember) => Promise<void>

/**
 * Reads members of one folder in the order in which they lie there, while it is unpacked once, up
 * to the last of them. `use` is called for one after the other, and after a retry goes on with the
 * first one for which it did not resolve. Rejects with what it throws, and what the store and the
 * decoder throw: then the members from that one on did not come.
 */
export async function readFolder(
  file: ArchiveFile,
  packed: PackedFolder,
  members: readonly IndexedMember[],
  use: UseMember,
  signal: AbortSignal | undefined,
): Promise<void> {
  let next = 0
  await unpack(file, packed, signal, async (unpacked) => {
    const passing = new Passing(unpacked)
    try {
      for (let member = members[next]; member !== undefined; member = members[next]) {
        await use({ at: next, throwFailure: () => passing.throwFailure(), read: readOnce(file, member, passing) })
        passing.throwFailure()
        next += 1
      }
    } finally {
      await passing.end()
    }
  })
}

function readOnce(file: ArchiveFile, member: IndexedMember, passing: Passing): PassingMember['read'] {
  const { size, place } = member
  const start = place.kind === 'packed' ? place.position : 0
  let wasRead = false
  return async (consume, options) => {
    const read = new MemberRead(file, member, consume, options)
    if (wasRead) throw read.error('conflict', 'it has come by')
    wasRead = true
    await read.deliver(passing.part(start, start + size), 0, read.start())
  }
}

/** Bytes of which parts are taken, from the front to the end. */
class Passing {
  readonly #bytes: AsyncIterator<Uint8Array>
  #chunk: Uint8Array = new Uint8Array(0)
  /** Where the chunk begins. */
  #position = 0
  #failure: { readonly error: unknown } | undefined

  constructor(bytes: Bytes) {
    this.#bytes = bytes[Symbol.asyncIterator]()
  }

  throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  async end(): Promise<void> {
    await this.#bytes.return?.()
  }

  async *part(start: number, end: number): Bytes {
    for (;;) {
      const wanted = this.#chunk.subarray(Math.max(0, start - this.#position), Math.max(0, end - this.#position))
      if (wanted.length > 0) yield wanted
      if (this.#position + this.#chunk.length >= end) return
      await this.#advance()
    }
  }

  async #advance(): Promise<void> {
    this.#position += this.#chunk.length
    this.#chunk = new Uint8Array(0)
    try {
      const { done, value } = await this.#bytes.next()
      if (done) throw new Error('the decoder gave less than it said') // it checks that itself
      this.#chunk = value
    } catch (error) {
      this.#failure = { error }
      throw error
    }
  }
}
