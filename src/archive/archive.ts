import { abortedError } from '../core/abort.ts'
import { StoreError } from '../core/errors.ts'
import { readSmall } from '../store/read-small.ts'
import type { CallOptions, Stat, Store } from '../store/store.ts'
import { FolderCache } from './folder-cache.ts'
import { parseSignature, SIGNATURE_BYTES, type Signature } from './header/signature.ts'
import { archiveId } from './index/archive-id.ts'
import type { IndexCache } from './index/index-cache.ts'
import { IndexUse } from './index/index-use.ts'
import type { IndexedMember } from './index/member-index.ts'
import { fromArchiveName, toArchiveName } from './index/names.ts'
import { openIndex } from './index/open-index.ts'
import type { ArchiveFile } from './index/read-end-header.ts'
import { readFolder, type UseMember } from './read-folder.ts'
import { type MemberConsumer, MemberRead, type ReadOptions, readCopy, readPacked } from './read-member.ts'

/** A file in an archive. Only the Archive that gave it can read it. */
export type Member = IndexedMember

export interface OpenArchiveOptions {
  /** Where the index is kept for later processes. Without, it is made anew for each Archive. */
  readonly cache?: IndexCache | undefined
  /** What the archive's file is now, when the caller has just asked. */
  readonly stat?: Stat | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * A 7z archive in a store, read in place: members are found by their exact names, and their content
 * comes by ranged reads. It is the archive as it was when it was opened: once the file is replaced,
 * reads of content fail with `conflict`, and it has to be opened anew. Any number of calls may be
 * under way at once. Every method rejects with StoreError.
 */
export class Archive {
  /** Of the archive's file, when it was opened. */
  readonly stat: Stat
  readonly #file: ArchiveFile
  readonly #index: IndexUse
  readonly #folders: FolderCache

  private constructor(file: ArchiveFile, stat: Stat, index: IndexUse) {
    this.#file = file
    this.stat = stat
    this.#index = index
    this.#folders = new FolderCache(file.where)
  }

  /**
   * Reads 32 bytes of the file, and the end header when the cache has no index of it. Throws
   * `missing` when there is no such file, `corrupt` when it is no 7z archive or a damaged one,
   * `unsupported` when it is encrypted or in a form that cannot be read, `conflict` when it was
   * replaced meanwhile, and what the store throws.
   */
  static async open(store: Store, path: string, options: OpenArchiveOptions = {}): Promise<Archive> {
    const { cache, signal } = options
    const call: CallOptions = { signal }
    const where = `${store.traits.root}/${path}`
    const stat = options.stat ?? (await store.stat(path, call))
    if (stat === undefined) throw new StoreError({ kind: 'missing', op: 'get', where, message: 'no such archive' })
    const signature = await readSignature(store, path, where, stat, call)
    const file = { store, path, where, bytes: stat.size, identity: stat.identity, signature }
    const id = archiveId(store.traits.root, path, stat.identity, signature.bytes)
    const reopen = async (again: number) => {
      await cache?.discard(id)
      return openIndex(file, id, again > 1 ? undefined : cache, undefined)
    }
    return new Archive(file, stat, new IndexUse(where, await openIndex(file, id, cache, signal), reopen))
  }

  /** How many members there are. */
  get count(): number {
    return this.#index.count
  }

  /**
   * Looks a member up by its exact name, directories with it, joined by `/`. Undefined means that
   * the archive has no such file. Of members with the same name the last one counts, as when 7z
   * extracts them. The content is not looked at.
   */
  async find(name: string): Promise<Member | undefined> {
    const escaped = toArchiveName(name)
    return this.#index.use(async (index) => {
      const found = await index.find(name)
      if (found !== undefined || escaped === name) return found
      const member = await index.find(escaped)
      return member && { ...member, name }
    })
  }

  /**
   * Streams a member's content, from `start` on. The checksum in the archive, if it has one, is
   * checked with the last byte; of a member that lies in the archive as it is (Copy) only when it
   * is read from 0: a caller that resumes has to check the whole. `consume` may be called again
   * after a retry, from what `start` is then; it has to take all. Throws what it throws, `corrupt`,
   * `conflict` when the archive was replaced, `unsupported` when nothing can unpack it, and what
   * the store throws.
   */
  async read(member: Member, consume: MemberConsumer, options: ReadOptions = {}): Promise<void> {
    const read = new MemberRead(this.#file, member, consume, options)
    const { place } = member
    if (place.kind === 'packed') {
      const packed = await this.#index.use((index) => index.folder(place.folder))
      return readPacked(read, place.position, packed, this.#folders)
    }
    return readCopy(read, place.kind === 'copy' ? place.position : 0)
  }

  /**
   * Reads packed members of one folder, in the order of their positions in it, while that is
   * unpacked once, however large it is: see `readFolder`. What `use` reads may end with all that
   * `read` throws.
   */
  async readFolder(members: readonly Member[], use: UseMember, { signal }: CallOptions = {}): Promise<void> {
    const place = members[0]?.place
    if (place?.kind !== 'packed') return
    const packed = await this.#index.use((index) => index.folder(place.folder))
    await readFolder(this.#file, packed, members, use, signal)
  }

  /**
   * Where a folder of packed members lies in the archive's file, in bytes, and how many members it
   * has.
   */
  async folderRange(folder: number): Promise<{ start: number; end: number; members: number }> {
    const { packedAt, packedSizes, members } = await this.#index.use((index) => index.folder(folder))
    return { start: packedAt, end: packedSizes.reduce((sum, size) => sum + size, packedAt), members }
  }

  /** All members, in the archive's order. Comes from the index, a part at a time. */
  async *members(options: { readonly signal?: AbortSignal | undefined } = {}): AsyncIterable<Member> {
    for (let from: number | undefined = 0; from !== undefined; ) {
      const start: number = from
      const block = await this.#index.use((index) => index.list(start))
      for (const member of block.members) {
        if (options.signal?.aborted) throw abortedError('list', this.#file.where, options.signal)
        yield { ...member, name: fromArchiveName(member.name) }
      }
      from = block.next
    }
  }

  /** Waits for lookups that are under way; the index stays in the cache. Never rejects. */
  async close(): Promise<void> {
    await this.#index.close().catch(() => {})
  }
}

async function readSignature(
  store: Store,
  path: string,
  where: string,
  stat: Stat,
  call: CallOptions,
): Promise<Signature> {
  if (stat.size < SIGNATURE_BYTES) {
    const message = `not a 7z archive: it has ${stat.size} bytes`
    throw new StoreError({ kind: 'corrupt', op: 'get', where, message })
  }
  const range = { start: 0, end: SIGNATURE_BYTES }
  const options = { range, ifMatch: stat.identity, fingerprint: true, ...call }
  const head = await readSmall(store, path, SIGNATURE_BYTES, options)
  return parseSignature(head, stat.size, where)
}
