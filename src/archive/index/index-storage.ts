import { constants } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Files, filesFor, writeFully } from '../../core/files.ts'
import { temporaryName } from '../../store/temporary.ts'

/** Where an index is written and read: a file, or memory where none can be had. */
export interface IndexStorage {
  write(bytes: Uint8Array, position: number): Promise<void>
  /** Resolves with the number of bytes read; fewer than asked for only at the end. */
  read(buffer: Uint8Array, position: number): Promise<number>
  close(): Promise<void>
}

/** Private to the user: an index tells what is in an archive. */
const FILE_MODE = 0o600

export class FileStorage implements IndexStorage {
  readonly #files: Files
  readonly #fd: number

  constructor(files: Files, fd: number) {
    this.#files = files
    this.#fd = fd
  }

  static async open(file: string): Promise<FileStorage> {
    const files = await filesFor(file)
    return new FileStorage(files, await files.open(file, 'r'))
  }

  /** Makes a file that nobody else has. */
  static async create(file: string): Promise<FileStorage> {
    const files = await filesFor(join(file, '..'))
    return new FileStorage(files, await files.open(file, 'wx+', FILE_MODE))
  }

  /** A file without a name: it goes when it is closed, or when the process ends. */
  static async createUnnamed(directory: string = tmpdir()): Promise<FileStorage> {
    const file = join(directory, temporaryName())
    const files = await filesFor(directory)
    const fd = await files.open(file, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, FILE_MODE)
    try {
      await files.unlink(file)
    } catch (error) {
      await files.close(fd)
      throw error
    }
    return new FileStorage(files, fd)
  }

  async stat() {
    return this.#files.fstat(this.#fd)
  }

  write(bytes: Uint8Array, position: number): Promise<void> {
    return writeFully(this.#files, this.#fd, bytes, position)
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    let done = 0
    while (done < buffer.length) {
      const count = await this.#files.read(this.#fd, buffer.subarray(done), buffer.length - done, position + done)
      if (count === 0) break
      done += count
    }
    return done
  }

  async close(): Promise<void> {
    await this.#files.close(this.#fd)
  }
}

const BLOCK_BYTES = 1024 * 1024

export class MemoryStorage implements IndexStorage {
  readonly #blocks: Buffer[] = []
  #end = 0

  async write(bytes: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const at = position + done
      const block = Math.floor(at / BLOCK_BYTES)
      while (this.#blocks.length <= block) this.#blocks.push(Buffer.alloc(BLOCK_BYTES))
      const part = bytes.subarray(done, done + BLOCK_BYTES - (at % BLOCK_BYTES))
      this.#blocks[block]?.set(part, at % BLOCK_BYTES)
      done += part.length
    }
    this.#end = Math.max(this.#end, position + bytes.length)
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    const length = Math.max(0, Math.min(buffer.length, this.#end - position))
    for (let done = 0; done < length; ) {
      const at = position + done
      const block = this.#blocks[Math.floor(at / BLOCK_BYTES)] as Buffer
      const part = block.subarray(at % BLOCK_BYTES, (at % BLOCK_BYTES) + length - done)
      buffer.set(part, done)
      done += part.length
    }
    return length
  }

  async close(): Promise<void> {
    this.#blocks.length = 0
    this.#end = 0
  }
}
