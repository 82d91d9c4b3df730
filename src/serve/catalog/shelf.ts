import { createHash } from 'node:crypto'
import { bufferSource } from '../../core/source.ts'
import { findSmall } from '../../store/read-small.ts'
import { removeFiles } from '../../store/remove-files.ts'
import type { CallOptions, Store } from '../../store/store.ts'

/** What the files of a catalogue are served as, by the ends of their names. */
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json',
}

/** A page is looked at again each time that somebody opens it: it may be another by then. */
const CACHING = 'no-cache'

/** None of our files that are read again is longer. Bytes. */
const MAX_BYTES = 64 * 1024 * 1024

/** Where a catalogue lies: a directory, or a part of a store. */
export class Shelf {
  readonly store: Store
  /** Where in the store; empty, or ends with `/`. */
  readonly prefix: string
  readonly #dryRun: boolean
  readonly #call: CallOptions

  /** `dryRun`: nothing is changed. */
  constructor(store: Store, prefix: string, { dryRun, ...call }: CallOptions & { readonly dryRun: boolean }) {
    this.store = store
    this.prefix = prefix
    this.#dryRun = dryRun
    this.#call = call
  }

  /** For people. */
  get where(): string {
    return `${this.store.traits.root}/${this.prefix}`.replace(/\/$/, '')
  }

  /** Undefined when there is no such file. Throws StoreError. */
  read(name: string): Promise<Buffer | undefined> {
    return findSmall(this.store, this.prefix + name, MAX_BYTES, this.#call)
  }

  /** Writes a file as a whole. Throws StoreError. */
  async write(name: string, text: string): Promise<void> {
    if (this.#dryRun) return
    const type = TYPES[name.slice(name.lastIndexOf('.') + 1)] ?? 'application/octet-stream'
    const headers = { type, caching: CACHING }
    await this.store.put(this.prefix + name, bufferSource(Buffer.from(text)), { ...this.#call, headers })
  }

  /**
   * The names of the files, or of the directories, in a directory, empty for the top. Throws
   * StoreError.
   */
  async namesIn(directory: string, kind: 'files' | 'directories'): Promise<string[]> {
    const children = await this.#children(directory)
    return children.flatMap(({ name, isFile }) => (isFile === (kind === 'files') ? [name] : [])).sort()
  }

  /** Whether there is nothing at all. Throws StoreError. */
  async isEmpty(): Promise<boolean> {
    return (await this.#children('')).length === 0
  }

  /** Removes files of a directory, empty for the top, and the directory when it is empty then. */
  async remove(directory: string, names: readonly string[]): Promise<void> {
    if (this.#dryRun || names.length === 0) return
    const paths = names.map((name) => this.prefix + inDirectory(directory, name))
    await removeFiles(this.store, paths, { ...this.#call, pruneParents: directory === '' ? 0 : 1 })
  }

  async #children(directory: string): Promise<{ readonly name: string; readonly isFile: boolean }[]> {
    const found: { name: string; isFile: boolean }[] = []
    const at = `${this.prefix}${directory}`.replace(/\/$/, '')
    for await (const { path, file } of this.store.children(at, this.#call)) {
      found.push({ name: path.slice(path.lastIndexOf('/') + 1), isFile: file !== undefined })
    }
    return found
  }
}

/** Checksums of pages by their names. */
export type PageSums = Readonly<Record<string, string>>

/** The pages of one directory. Those that are as they were are not written again. */
export class PageSet {
  readonly #shelf: Shelf
  readonly #directory: string
  readonly #before: PageSums
  readonly #beforeFirst: () => Promise<void>
  readonly #sums: Record<string, string> = Object.create(null)
  written = 0

  /**
   * `before`: what is known to be there. `beforeFirst` is done before anything is written: whatever
   * was known is not sure any more.
   */
  constructor(shelf: Shelf, directory: string, before: PageSums, beforeFirst: () => Promise<void>) {
    this.#shelf = shelf
    this.#directory = directory
    this.#before = before
    this.#beforeFirst = beforeFirst
  }

  /** Of all pages that were put. */
  get sums(): PageSums {
    return this.#sums
  }

  get count(): number {
    return Object.keys(this.#sums).length
  }

  async put(name: string, text: string): Promise<void> {
    const sum = createHash('sha256').update(text).digest('hex').slice(0, 32)
    this.#sums[name] = sum
    if (Object.hasOwn(this.#before, name) && this.#before[name] === sum) return
    if (this.written === 0) await this.#beforeFirst()
    this.written += 1
    await this.#shelf.write(inDirectory(this.#directory, name), text)
  }

  /** Removes the pages, of those that are called so, that were not put. Returns how many. */
  async removeOthers(called: RegExp): Promise<number> {
    const names = await this.#shelf.namesIn(this.#directory, 'files')
    const gone = names.filter((name) => called.test(name) && !(name in this.#sums))
    await this.#shelf.remove(this.#directory, gone)
    return gone.length
  }
}

function inDirectory(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`
}
