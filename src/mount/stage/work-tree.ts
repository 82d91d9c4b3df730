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
import { writeAll } from './write-all.ts'

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
  readonly key: string | undefined
  readonly attributes: Omit<Attributes, 'node'>
  /** The same as long as it is the same file, or the same key's. */
  readonly identity: string
}

/** Which file is to be made one that can be written to. */
export interface OwnWish {
  readonly path: string
  /** Nothing of its content is wanted. */
  readonly isEmptied: boolean
  /** Called when it is about to be in its place, with its identity. */
  readonly onWhole: (identity: string) => void
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
  #lastChange: Promise<unknown> = Promise.resolve()

  constructor(options: WorkTreeOptions) {
    this.#options = options
  }

  /** The path for node's file functions of one from the top. */
  at(path: string): string | Buffer {
    const { directory } = this.#options
    return toFsPath(path === '' ? directory : `${directory}/${path}`)
  }

  /**
   * Does what changes names, one after the other: a file that has just become whole is not put
   * where another was renamed to, or removed from, at that moment.
   */
  changeNames<T>(change: () => Promise<T>): Promise<T> {
    const changed = this.#lastChange.then(change)
    this.#lastChange = changed.catch(() => {})
    return changed
  }

  /** Undefined for what is not there. Throws what the system says, and StoreError. */
  async see(path: string): Promise<Seen | undefined> {
    const stats = await orAbsent(fs.lstat(this.at(path)))
    if (stats === undefined) return undefined
    const key = await this.#keyOf(path, stats)
    const modifiedMs = stats.mtimeMs
    if (key !== undefined) {
      const ofContent = (await this.#here(key))?.stats
      const mode = ownMode(stats.isSymbolicLink() ? (ofContent?.mode ?? 0) : stats.mode)
      const size = ofContent?.size ?? (await this.#options.keys.sizeOf(key)) ?? 0
      return { key, attributes: { kind: 'file', mode, size, modifiedMs }, identity: key }
    }
    const kind = stats.isDirectory() ? 'directory' : stats.isSymbolicLink() ? 'link' : 'file'
    const attributes = { kind, mode: stats.mode & 0o777, size: stats.size, modifiedMs } as const
    return { key, attributes, identity: identityOf(stats) }
  }

  /** Content of a key in the clone, which may be dropped at any moment. */
  async #here(key: string): Promise<{ readonly path: string | Buffer; readonly stats: Stats } | undefined> {
    const found = this.#options.find(key)
    if (found === undefined) return undefined
    const path = toFsPath(found)
    const stats = await orAbsent(fs.stat(path))
    return stats && { path, stats }
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
    const here = await this.#here(key)
    const file = here && (await orAbsent(fs.open(here.path, 'r')))
    if (file === undefined) return this.#options.keys.open(key, await this.#options.keys.sizeOf(key))
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
   * Puts a file with the content of its key, or an empty one, in the place of an annexed file: it
   * can be written to then, and is no longer the key's. Nothing is seen of it before it is whole. A
   * file that is no key's stays as it is. Throws FuseError for what is gone.
   */
  async makeOwn(wish: OwnWish, signal: AbortSignal): Promise<void> {
    const { path } = wish
    for (let seen = await this.see(path); seen?.key !== undefined; seen = await this.see(path)) {
      const others = this.#coming.get(path)
      if (others !== undefined) {
        await others.catch(() => {}) // theirs may have been given up
        continue
      }
      const ours = this.#bring(wish, seen.key, seen.attributes.mode, signal)
      this.#coming.set(path, ours)
      try {
        await ours
      } finally {
        this.#coming.delete(path)
      }
    }
  }

  async #bring({ path, isEmptied, onWhole }: OwnWish, key: string, mode: number, signal: AbortSignal): Promise<void> {
    const { temporary } = this.#options
    await fs.mkdir(temporary, { recursive: true, mode: 0o700 })
    const part = `${temporary}/${randomBytes(8).toString('hex')}`
    try {
      if (isEmptied) await fs.writeFile(part, '', { mode })
      else await this.#copy(key, part, mode, signal)
      const identity = identityOf(await fs.lstat(part))
      await this.changeNames(async () => {
        const now = await this.see(path)
        if (now === undefined) throw new FuseError('ENOENT') // removed, or renamed, meanwhile
        if (now.key !== key) return fs.rm(part) // it is looked at again
        onWhole(identity)
        return fs.rename(part, this.at(path))
      })
    } catch (error) {
      await fs.rm(part, { force: true })
      throw error
    }
  }

  async #copy(key: string, part: string, mode: number, signal: AbortSignal): Promise<void> {
    const here = await this.#here(key)
    if (here !== undefined && (await copied(here.path, part))) return fs.chmod(part, mode)
    const source = await this.openKey(key)
    try {
      const file = await fs.open(part, 'w', mode)
      try {
        for (let at = 0; ; ) {
          const bytes = await source.read(at, PIECE, signal)
          if (bytes.length === 0) break
          await writeAll(file, bytes, at)
          at += bytes.length
        }
      } finally {
        await file.close()
      }
    } finally {
      source.close()
    }
  }
}

/** False where it is gone. */
async function copied(from: string | Buffer, to: string): Promise<boolean> {
  const done = fs.copyFile(from, to, constants.COPYFILE_FICLONE).then(() => true)
  return (await orAbsent(done)) ?? false
}

async function orAbsent<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error) ?? '')) return undefined
    throw error
  }
}

/** No other file gets the number of one that is open. */
function identityOf(stats: Stats): string {
  return stats.isDirectory() ? 'directory' : `${stats.dev}:${stats.ino}`
}

/** git-annex takes the right to write away from content, and keeps that it is a program. */
function ownMode(mode: number): number {
  return 0o644 | (mode & 0o111)
}
