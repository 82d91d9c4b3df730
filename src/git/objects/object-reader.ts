import { createHash } from 'node:crypto'
import { inflateSync } from 'node:zlib'
import { isStoreError, messageOf, type StoreError } from '../../core/errors.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import { isPackName } from '../refs/ref-state.ts'
import { BlockCache, BlockFile } from './block-file.ts'
import { loosePlace } from './is-whole-loose.ts'
import type { ObjectCache } from './object-cache.ts'
import { PackIndex } from './pack-index.ts'
import { type GitObject, type ObjectType, PARTIAL, PackReader } from './pack-reader.ts'

/** The largest object that is read. Bytes. */
const MAX_OBJECT_BYTES = 256 * 1024 * 1024

/** Of a loose object: enough for `commit 123456\0`. */
const LOOSE_HEAD_BYTES = 128

const MAX_LIST_BYTES = 4 * 1024 * 1024

/** What several readers may have together, so that it is bounded for all of them. */
export interface SharedCaches {
  readonly blocks: BlockCache
  readonly objects: ObjectCache
}

let readers = 0

/**
 * Reads git's objects out of a bare repository on any store, whoever wrote it: packs by range, so
 * that a large one costs no more than what is asked of it. Each object is held against its id.
 * Source: gitformat-pack(5), gitrepository-layout(5).
 */
export class ObjectReader {
  readonly #dataset: StoredDataset
  readonly #call: CallOptions
  readonly #cache: BlockCache
  readonly #objects: ObjectCache | undefined
  /** What one reader has seen is no other's: that dataset may be another, or gone. */
  readonly #number = ++readers
  readonly #packs = new Map<string, Promise<PackReader>>()
  #listing: Promise<readonly BlockFile[]> | undefined

  constructor(dataset: StoredDataset, call: CallOptions = {}, shared?: SharedCaches) {
    this.#dataset = dataset
    this.#cache = shared?.blocks ?? new BlockCache()
    this.#objects = shared?.objects
    this.#call = { signal: call.signal }
  }

  /**
   * An object by its id, 40 hex digits. Throws StoreError: `missing` when the repository does not
   * have it, `corrupt` when it is damaged, `unsupported` when it is too large.
   */
  async read(id: string): Promise<GitObject> {
    const known = this.#objects?.get(`${this.#number} ${id}`)
    if (known !== undefined) return known
    const bytes = Buffer.from(id, 'hex')
    const found = await this.#look(id, (pack) => pack.read(bytes), this.#readLoose)
    const { type, content } = found
    const hash = createHash('sha1').update(`${type} ${content.length}\0`).update(content).digest('hex')
    if (hash !== id) throw this.#error('corrupt', `the git object ${id} is damaged: its content has another id`)
    this.#objects?.add(`${this.#number} ${id}`, found)
    return found
  }

  /** The length of an object's content, in bytes, without reading it. Throws as `read` does. */
  sizeOf(id: string): Promise<number> {
    const bytes = Buffer.from(id, 'hex')
    return this.#look(id, (pack) => pack.sizeOf(bytes), this.#looseSize)
  }

  /** git may pack its objects anew while we read: then they are looked for once more. */
  async #look<T>(
    id: string,
    inPack: (pack: PackReader) => Promise<T | undefined>,
    loose: (id: string) => Promise<T | undefined>,
  ): Promise<T> {
    for (const again of [false, true]) {
      if (again) this.#forget()
      try {
        for (const file of await this.#listed()) {
          const found = await inPack(await this.#pack(file))
          if (found !== undefined) return found
        }
        const found = await loose(id)
        if (found !== undefined) return found
      } catch (error) {
        if (again || !isStoreError(error, 'missing')) throw error
      }
    }
    throw this.#error('missing', `the git object ${id} is not in the repository`)
  }

  #forget(): void {
    this.#listing = undefined
    this.#packs.clear()
  }

  #listed(): Promise<readonly BlockFile[]> {
    this.#listing ??= this.#list()
    return this.#listing
  }

  /**
   * The packs that have an index, the newest first: what is asked for was most likely pushed last.
   */
  async #list(): Promise<readonly BlockFile[]> {
    const packs: { readonly file: BlockFile; readonly mtimeMs: number }[] = []
    const indices = new Set<string>()
    try {
      for await (const { path, file } of this.#dataset.store.children(this.#dataset.path('objects/pack'), this.#call)) {
        if (path.endsWith('.idx')) indices.add(path.slice(0, -'.idx'.length))
        else if (file !== undefined && path.endsWith('.pack'))
          packs.push({ file: this.#file(path, file.size), mtimeMs: file.mtimeMs ?? 0 })
      }
    } catch (error) {
      if (!isStoreError(error, 'unsupported')) throw error
      return this.#listOfWebServer()
    }
    return packs
      .filter(({ file }) => indices.has(file.path.slice(0, -'.pack'.length)))
      .sort((a, b) => b.mtimeMs - a.mtimeMs)
      .map(({ file }) => file)
  }

  /** It lists nothing; git writes down which packs there are. */
  async #listOfWebServer(): Promise<readonly BlockFile[]> {
    const text = (await this.#dataset.findSmall('objects/info/packs', MAX_LIST_BYTES, this.#call))?.toString() ?? ''
    const files: BlockFile[] = []
    for (const [, name] of text.matchAll(/^P (pack-[0-9a-f]{40})\.pack$/gm)) {
      if (!isPackName(name)) continue
      const path = this.#dataset.path(`objects/pack/${name}.pack`)
      const stat = await this.#dataset.store.stat(path, this.#call)
      if (stat !== undefined) files.push(this.#file(path, stat.size))
    }
    return files
  }

  #pack(file: BlockFile): Promise<PackReader> {
    const known = this.#packs.get(file.path)
    if (known !== undefined) return known
    const opening = this.#openPack(file)
    this.#packs.set(file.path, opening)
    opening.catch(() => this.#packs.delete(file.path))
    return opening
  }

  async #openPack(file: BlockFile): Promise<PackReader> {
    const path = file.path.replace(/pack$/, 'idx')
    const stat = await this.#dataset.store.stat(path, this.#call)
    if (stat === undefined) throw this.#error('missing', 'the index of a pack is gone')
    return new PackReader(file, await PackIndex.open(this.#file(path, stat.size)), MAX_OBJECT_BYTES)
  }

  #file(path: string, size: number): BlockFile {
    return new BlockFile(this.#dataset.store, { path, size, reader: this.#number }, this.#cache, this.#call)
  }

  readonly #readLoose = async (id: string): Promise<GitObject | undefined> => {
    const packed = await this.#dataset.findSmall(loosePlace(id), MAX_OBJECT_BYTES, this.#call)
    if (packed === undefined) return undefined
    const whole = this.#inflate(id, packed, {})
    const { type, size, start } = this.#looseHead(id, whole)
    const content = whole.subarray(start)
    if (content.length !== size) throw this.#error('corrupt', `the git object ${id} is damaged: it ends too soon`)
    return { type, content }
  }

  readonly #looseSize = async (id: string): Promise<number | undefined> => {
    const path = this.#dataset.path(loosePlace(id))
    const stat = await this.#dataset.store.stat(path, this.#call)
    if (stat === undefined) return undefined
    const head = await this.#file(path, stat.size).readUpTo(0, LOOSE_HEAD_BYTES)
    return this.#looseHead(id, this.#inflate(id, head, PARTIAL)).size
  }

  #looseHead(
    id: string,
    inflated: Buffer,
  ): { readonly type: ObjectType; readonly size: number; readonly start: number } {
    const start = inflated.indexOf(0) + 1
    const [, type, size] = /^(commit|tree|blob|tag) (\d+)\0$/.exec(inflated.subarray(0, start).toString('latin1')) ?? []
    if (type === undefined) throw this.#error('corrupt', `the git object ${id} is damaged: it says not what it is`)
    return { type: type as ObjectType, size: Number(size), start }
  }

  #inflate(id: string, packed: Buffer, options: { readonly finishFlush?: number }): Buffer {
    try {
      return inflateSync(packed, { ...options, maxOutputLength: MAX_OBJECT_BYTES })
    } catch (error) {
      throw this.#error('corrupt', `the git object ${id} is damaged: ${messageOf(error)}`)
    }
  }

  #error(kind: StoreError['kind'], message: string): StoreError {
    return this.#dataset.error(kind, 'get', message)
  }
}
