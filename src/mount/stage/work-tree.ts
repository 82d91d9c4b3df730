import { randomBytes } from 'node:crypto'
import { constants, type Stats } from 'node:fs'
import * as fs from 'node:fs/promises'
import { codeOf } from '../../core/errors.ts'
import { decode, toFsPath } from '../../core/text.ts'
import { keyOfContent, MAX_POINTER_BYTES } from '../../ria/layout/key-of-content.ts'
import type { Attributes } from '../fuse/messages.ts'
import { FuseError } from '../fuse/opcodes.ts'
import type { KeyFiles } from '../key-files.ts'
import type { OpenFile } from '../tree.ts'

export interface WorkTreeOptions {
  /** The top of the clone's work tree. */
  readonly directory: string
  /** A directory on the same file system, for files that are not whole yet. */
  readonly temporary: string
  /** Where the content of a key is in the clone; undefined: it is not there. */
  readonly find: (key: string) => string | undefined
  readonly keys: KeyFiles
}

/** What a path of the work tree is: as it lies there, or an annexed file by its key. */
export interface Seen {
  readonly stats: Stats
  readonly key: string | undefined
  readonly attributes: Omit<Attributes, 'node'>
}

/** So much is copied at once. Bytes. */
const PIECE = 1024 * 1024

/** What a pointer file begins with. */
const POINTER = '/annex/objects/'

/** The work tree of a clone, in which annexed files are as if their content was there. */
export class WorkTree {
  readonly #options: WorkTreeOptions
  /** Files that are on their way into the work tree, by path. */
  readonly #coming = new Map<string, Promise<void>>()

  constructor(options: WorkTreeOptions) {
    this.#options = options
  }

  /** The path for node's file functions of one from the top. */
  at(path: string): string | Buffer {
    const { directory } = this.#options
    return toFsPath(path === '' ? directory : `${directory}/${path}`)
  }

  /** Undefined for what is not there. Throws what the system says, and StoreError. */
  async see(path: string): Promise<Seen | undefined> {
    const stats = await fs.lstat(this.at(path)).catch((error) => {
      if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return undefined
      throw error
    })
    if (stats === undefined) return undefined
    const key = await this.#keyOf(path, stats)
    const modifiedMs = stats.mtimeMs
    if (key !== undefined) {
      const here = this.#options.find(key)
      if (here !== undefined) {
        const { size, mode } = await fs.stat(toFsPath(here))
        return { stats, key, attributes: { kind: 'file', mode: ownMode(mode), size, modifiedMs } }
      }
      const size = (await this.#options.keys.sizeOf(key)) ?? 0
      return { stats, key, attributes: { kind: 'file', mode: 0o644, size, modifiedMs } }
    }
    const kind = stats.isDirectory() ? 'directory' : stats.isSymbolicLink() ? 'link' : 'file'
    return { stats, key, attributes: { kind, mode: stats.mode & 0o777, size: stats.size, modifiedMs } }
  }

  async #keyOf(path: string, stats: Stats): Promise<string | undefined> {
    if (stats.isSymbolicLink()) {
      return keyOfContent('link', decode(await fs.readlink(this.at(path), { encoding: 'buffer' })))
    }
    const mayPoint = stats.isFile() && stats.size > POINTER.length && stats.size <= MAX_POINTER_BYTES
    if (!mayPoint) return undefined
    const file = await fs.open(this.at(path), 'r')
    try {
      const bytes = Buffer.alloc(stats.size)
      const { bytesRead } = await file.read(bytes, 0, POINTER.length, 0)
      if (bytes.toString('latin1', 0, bytesRead) !== POINTER) return undefined
      await file.read(bytes, 0, bytes.length, 0)
      return keyOfContent('file', decode(bytes))
    } finally {
      await file.close()
    }
  }

  /** An annexed file, to be read: from the clone if it is there, else out of the store. */
  async openKey(key: string): Promise<OpenFile> {
    const here = this.#options.find(key)
    if (here === undefined) return this.#options.keys.open(key, await this.#options.keys.sizeOf(key))
    const file = await fs.open(toFsPath(here), 'r')
    return {
      isGood: false,
      read: async (offset, length) => {
        const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(length), 0, length, offset)
        return buffer.subarray(0, bytesRead)
      },
      close: () => void file.close(),
    }
  }

  /**
   * Puts a file with the content of a key, or an empty one, in the place of an annexed file: it can
   * be written to then, and is no longer the key's. Nothing is seen of it before it is whole.
   */
  async makeOwn(path: string, key: string, isEmptied: boolean, signal: AbortSignal): Promise<void> {
    const coming = this.#coming.get(path) ?? this.#bring(path, key, isEmptied, signal)
    this.#coming.set(path, coming)
    try {
      await coming
    } finally {
      this.#coming.delete(path)
    }
  }

  async #bring(path: string, key: string, isEmptied: boolean, signal: AbortSignal): Promise<void> {
    const { temporary } = this.#options
    await fs.mkdir(temporary, { recursive: true, mode: 0o700 })
    const part = `${temporary}/${randomBytes(8).toString('hex')}`
    try {
      if (isEmptied) await fs.writeFile(part, '', { mode: 0o644 })
      else await this.#copy(key, part, signal)
      const now = await this.see(path)
      if (now?.key !== key) throw new FuseError('ENOENT') // changed beside us meanwhile
      await fs.rename(part, this.at(path))
    } catch (error) {
      await fs.rm(part, { force: true })
      throw error
    }
  }

  async #copy(key: string, part: string, signal: AbortSignal): Promise<void> {
    const here = this.#options.find(key)
    if (here !== undefined) {
      await fs.copyFile(toFsPath(here), part, constants.COPYFILE_FICLONE)
      await fs.chmod(part, ownMode((await fs.stat(part)).mode))
      return
    }
    const source = await this.openKey(key)
    const file = await fs.open(part, 'wx', 0o644)
    try {
      for (let at = 0; ; ) {
        const bytes = await source.read(at, PIECE, signal)
        if (bytes.length === 0) break
        const { bytesWritten } = await file.write(bytes, 0, bytes.length, at)
        at += bytesWritten // the rest of it is read again
      }
    } finally {
      source.close()
      await file.close()
    }
  }
}

/** git-annex takes the right to write away from content, and keeps that it is a program. */
function ownMode(mode: number): number {
  return 0o644 | (mode & 0o111)
}
