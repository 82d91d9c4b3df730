import * as fs from 'node:fs'
import { codeOf } from '../../core/errors.ts'
import { DESCRIPTORS, type Files } from '../../core/files.ts'
import { toFsPath } from '../../core/text.ts'

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = fs.constants

/**
 * Linux's: enough to work in a directory that may be searched and not be read. Node does not name
 * it.
 */
const O_PATH = process.platform === 'linux' ? 0o10000000 : undefined

/**
 * A directory of the store, open. What is done through it happens in that very directory, whatever
 * somebody puts in the place of its path meanwhile. Where descriptors cannot be named its path is
 * used, which was looked at just before: then an exchange in between goes unnoticed.
 */
export class LocalDirectory {
  readonly fd: number
  /** Absolute, without links when it was opened. */
  readonly path: string
  /** It can be flushed and its mode be changed. */
  readonly isReadable: boolean
  /** So many of the last names of its path in the store were no link when it was opened. */
  readonly plainParts: number
  readonly #files: Files
  readonly #byNumber: boolean

  constructor(
    files: Files,
    fd: number,
    path: string,
    options: { isReadable: boolean; byNumber: boolean; plainParts?: number },
  ) {
    this.plainParts = options.plainParts ?? 0
    this.#files = files
    this.fd = fd
    this.path = path
    this.isReadable = options.isReadable
    this.#byNumber = options.byNumber
  }

  /** For node's functions: the directory itself. */
  get self(): string | Buffer {
    return this.#byNumber ? `${DESCRIPTORS}/${this.fd}` : toFsPath(this.path)
  }

  /** The same for other processes of this user, while we live. */
  get selfForOthers(): string {
    return this.#byNumber ? `/proc/${process.pid}/fd/${this.fd}` : this.path
  }

  /** For node's functions: a name in it. */
  at(name: string): string | Buffer {
    return toFsPath(this.#byNumber ? `${DESCRIPTORS}/${this.fd}/${name}` : `${this.path}/${name}`)
  }

  /**
   * For node's functions: a name in the directory that is so many levels up. Undefined where
   * descriptors cannot be named.
   */
  above(levels: number, name: string): string | Buffer | undefined {
    return this.#byNumber ? toFsPath(`${DESCRIPTORS}/${this.fd}/${'../'.repeat(levels)}${name}`) : undefined
  }

  /** For messages. */
  where(name: string): string {
    return `${this.path === '/' ? '' : this.path}/${name}`
  }

  /** Of a directory in it that was just opened. */
  inside(name: string, { fd, isReadable }: OpenDescriptor): LocalDirectory {
    return new LocalDirectory(this.#files, fd, this.where(name), { isReadable, byNumber: this.#byNumber })
  }

  async close(): Promise<void> {
    await this.#files.close(this.fd)
  }
}

export interface OpenDescriptor {
  readonly fd: number
  readonly isReadable: boolean
}

/**
 * Opens a directory, of whose path the last part must be no link. `followed`: it may be one. Throws
 * node's error: ENOTDIR or ELOOP for what is no directory.
 */
export async function openDirectory(files: Files, path: string | Buffer, followed = false): Promise<OpenDescriptor> {
  const flags = O_RDONLY | O_DIRECTORY | (followed ? 0 : O_NOFOLLOW)
  try {
    return { fd: await files.open(path, flags), isReadable: true }
  } catch (error) {
    if (codeOf(error) !== 'EACCES' || O_PATH === undefined) throw error
    return { fd: await files.open(path, flags | O_PATH), isReadable: false }
  }
}

/**
 * The path of what is open, as the system knows it now. What was removed meanwhile ends with
 * ` (deleted)`.
 */
export async function pathOf(files: Files, fd: number): Promise<string> {
  return files.readlink(`${DESCRIPTORS}/${fd}`)
}
