import { orAborted } from '../core/abort.ts'
import { StoreError } from '../core/errors.ts'
import type { PackedFolder } from './index/folder-records.ts'

/** Larger folders are unpacked again for each of their members. Bytes. */
const MAX_CACHED_BYTES = 64 * 1024 * 1024

type Unpack = (packed: PackedFolder) => Promise<Buffer>

/**
 * Keeps the content of the folder that is in use, so that a solid folder is not unpacked for each
 * of its members anew. The first member that is read of a folder may be the only one: it is
 * unpacked as a whole for the second.
 */
export class FolderCache {
  readonly #where: string
  #last = -1
  #kept: { readonly number: number; readonly content: Promise<Buffer> } | undefined
  #unpacking = false

  constructor(where: string) {
    this.#where = where
  }

  /**
   * The content of a folder, or undefined when the caller shall unpack it itself. Rejects with what
   * `unpack` throws, but for what may not concern the caller: that a part of the folder is damaged,
   * or that somebody else gave up.
   */
  async get(packed: PackedFolder, unpack: Unpack, signal: AbortSignal | undefined): Promise<Buffer | undefined> {
    const content = this.#content(packed, unpack)
    if (content === undefined) return undefined
    try {
      return await orAborted(content, 'get', this.#where, signal)
    } catch (error) {
      const isOurs = signal?.aborted || !(error instanceof StoreError)
      if (isOurs || (error.kind !== 'corrupt' && error.kind !== 'aborted')) throw error
      return undefined
    }
  }

  #content(packed: PackedFolder, unpack: Unpack): Promise<Buffer> | undefined {
    const { number, members, folder } = packed
    if (members < 2 || folder.unpackedSize > MAX_CACHED_BYTES) return undefined
    if (this.#kept?.number === number) return this.#kept.content
    const isSecond = this.#last === number
    this.#last = number
    if (!isSecond || this.#unpacking) return undefined
    this.#unpacking = true
    this.#kept = undefined // before there is another one
    const content = unpack(packed).finally(() => {
      this.#unpacking = false
    })
    content.catch((error: unknown) => {
      const isDamaged = error instanceof StoreError && error.kind === 'corrupt'
      if (!isDamaged) this.#kept = undefined // else the failure is kept: trying again is of no use
    })
    this.#kept = { number, content }
    return content
  }
}
