import { isStoreError, StoreError } from '../core/errors.ts'
import { collect } from '../core/source.ts'
import type { CallOptions, Store } from '../store/store.ts'

/**
 * isomorphic-git holds what it opens in memory, whole. Bytes: of one file, and of all that are read
 * for one question.
 */
export const MAX_FILE_BYTES = 64 * 1024 * 1024
export const MAX_TOTAL_BYTES = 160 * 1024 * 1024

/**
 * The directory of a store as isomorphic-git wants a file system: only to be read, and only so much
 * of it. It takes some failures for absence, so the first one is kept in `failure`, which counts
 * more than its answer.
 */
export class StoreFiles {
  readonly #store: Store
  readonly #call: CallOptions
  #left = MAX_TOTAL_BYTES
  failure: unknown

  constructor(store: Store, call: CallOptions) {
    this.#store = store
    this.#call = call
  }

  /** What isomorphic-git calls. Paths are those of the store. */
  readonly promises = {
    readFile: async (path?: string, options?: unknown) => {
      if (path === undefined) throw notFound('') // it tries whether promises come back
      const bytes = await this.#noting(() => this.#read(path))
      if (bytes === undefined) throw notFound(path)
      const isText = options === 'utf8' || (options as { encoding?: string } | undefined)?.encoding === 'utf8'
      return isText ? bytes.toString() : bytes
    },
    readdir: (path: string) => this.#noting(() => this.#names(path)),
    stat: (path: string) => this.#stat(path),
    lstat: (path: string) => this.#stat(path),
    readlink: refuse,
    writeFile: refuse,
    mkdir: refuse,
    rmdir: refuse,
    rm: refuse,
    unlink: refuse,
    symlink: refuse,
  }

  async #read(path: string): Promise<Buffer | undefined> {
    let content: Buffer | undefined
    const limit = Math.min(MAX_FILE_BYTES, this.#left)
    try {
      await this.#store.get(
        path,
        async (bytes, stat) => {
          if (stat.size > limit) throw this.#tooLarge(path)
          content = await collect(bytes, limit)
        },
        this.#call,
      )
    } catch (error) {
      if (error instanceof RangeError) throw this.#tooLarge(path) // it grew meanwhile
      if (!isStoreError(error, 'missing')) throw error
      return undefined
    }
    this.#left -= content?.length ?? 0
    return content
  }

  /** The newest first: what HEAD needs was most likely pushed last. */
  async #names(directory: string): Promise<string[]> {
    const times = new Map<string, number>()
    try {
      for await (const { path, mtimeMs = 0 } of this.#store.list(directory, this.#call)) {
        const [name = ''] = path.slice(directory.length + 1).split('/')
        times.set(name, Math.max(times.get(name) ?? 0, mtimeMs))
      }
    } catch (error) {
      if (!isStoreError(error, 'unsupported') || !directory.endsWith('/objects/pack')) throw error
      return this.#packNames(directory)
    }
    // An index without its pack is of a push that is under way, or was killed.
    const isWhole = (name: string) => !name.endsWith('.idx') || times.has(name.replace(/idx$/, 'pack'))
    return [...times]
      .sort(([, a], [, b]) => b - a)
      .map(([name]) => name)
      .filter(isWhole)
  }

  /** For web servers, which list nothing. */
  async #packNames(directory: string): Promise<string[]> {
    const text = (await this.#read(`${directory.slice(0, -'pack'.length)}info/packs`))?.toString() ?? ''
    return [...text.matchAll(/^P (pack-[0-9a-f]{40})\.pack$/gm)].flatMap(([, name]) => [`${name}.idx`, `${name}.pack`])
  }

  async #stat(path: string) {
    const stat = await this.#noting(() => this.#store.stat(path, this.#call))
    if (stat === undefined) throw notFound(path)
    const { size, mtimeMs = 0 } = stat
    return {
      size,
      mtimeMs,
      ctimeMs: mtimeMs,
      mode: 0o100644,
      isFile: () => true,
      isDirectory: () => false,
      isSymbolicLink: () => false,
    }
  }

  async #noting<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      this.failure ??= error
      throw error
    }
  }

  #tooLarge(path: string): StoreError {
    const where = `${this.#store.traits.root}/${path}`
    const message = 'the packs are too large to be read here: clone the dataset to look into it'
    return new StoreError({ kind: 'unsupported', op: 'get', where, message, sent: 'no' })
  }
}

function notFound(path: string): Error {
  return Object.assign(new Error(`there is no ${path}`), { code: 'ENOENT' })
}

async function refuse(): Promise<never> {
  throw Object.assign(new Error('this is only to be read'), { code: 'EROFS' })
}
