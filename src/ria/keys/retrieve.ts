import { constants } from 'node:fs'
import { type Checksum, checksumOf } from '../../core/checksum.ts'
import { isStoreError, messageOf, StoreError } from '../../core/errors.ts'
import { diskFiles as files, readDescriptor, writeFully } from '../../core/files.ts'
import type { Hasher } from '../../core/hasher.ts'
import type { Key } from '../../core/key.ts'
import type { Bytes } from '../../core/source.ts'
import { toFsPath } from '../../core/text.ts'
import type { CallOptions } from '../../store/store.ts'
import { type Copy, type CopyContent, wrongLength } from './copy.ts'

export interface RetrieveOptions extends CallOptions {
  /**
   * Check the content against the key's checksum; a key without one that we can compute is checked
   * by its length.
   */
  readonly verify: boolean
}

/**
 * Downloads a copy into the local `file`. What the file holds already counts as the content's
 * beginning when the key's length is known (else the bytes may be of another upload), and a retry
 * goes on from there. `onProgress` counts from the content's start. Throws `missing`, and `corrupt`
 * when the content is not the key's: then the local file is gone.
 */
export async function retrieveToFile(copy: Copy, key: Key, file: string, options: RetrieveOptions): Promise<void> {
  const checksum = options.verify ? checksumOf(key) : undefined
  const download = new Download(copy, key, file, options)
  const resumed = await download.run(checksum)
  if (resumed === 'mismatch') {
    // The part that was there may have been bad, not the store's copy.
    const again = await download.run(checksum)
    if (again !== 'whole') throw download.corrupt(`the content does not have the key's checksum`)
  }
}

class Download {
  readonly #copy: Copy
  readonly #key: Key
  readonly #file: string
  readonly #options: RetrieveOptions

  constructor(copy: Copy, key: Key, file: string, options: RetrieveOptions) {
    this.#copy = copy
    this.#key = key
    this.#file = file
    this.#options = options
  }

  /**
   * `mismatch`: a resumed file was not right; it is gone. Throws for one that was downloaded from
   * its start.
   */
  async run(checksum: Checksum | undefined): Promise<'whole' | 'mismatch'> {
    const fd = await this.#openFile()
    try {
      const start = await this.#resumeFrom(fd)
      const hasher = await checksum?.start()
      if (hasher) for await (const chunk of readDescriptor(files, fd, 0, start)) hasher.update(chunk)
      await this.#transfer(fd, start, hasher)
      if (hasher === undefined || hasher.hex() === checksum?.expected) return 'whole'
      await this.#discard()
      if (start > 0) return 'mismatch'
    } catch (error) {
      // What is left counts as a partial download.
      if (isStoreError(error, 'corrupt') || (await files.fstat(fd)).size === 0) await this.#discard()
      throw error
    } finally {
      await files.close(fd)
    }
    throw this.corrupt(`the content does not have the key's checksum`)
  }

  corrupt(message: string): StoreError {
    return this.#error('corrupt', message)
  }

  #error(kind: StoreError['kind'], message: string): StoreError {
    return new StoreError({ kind, op: 'get', where: this.#copy.where, message })
  }

  async #openFile(): Promise<number> {
    try {
      return await files.open(toFsPath(this.#file), constants.O_RDWR | constants.O_CREAT, 0o666)
    } catch (error) {
      throw this.#localError(error)
    }
  }

  /** How much of the content the file holds already, in bytes. */
  async #resumeFrom(fd: number): Promise<number> {
    const { size } = await files.fstat(fd)
    if (size === 0) return 0
    if (this.#key.size !== undefined && size <= this.#key.size) return size
    await files.ftruncate(fd, 0)
    return 0
  }

  async #transfer(fd: number, start: number, hasher: Hasher | undefined): Promise<void> {
    const { signal, onProgress } = this.#options
    let position = start
    let identity: string | undefined
    const consume = async (bytes: Bytes, content: CopyContent) => {
      this.#checkLength(content)
      if (this.#key.size === undefined && position > 0 && content.identity !== identity) {
        throw this.#error('conflict', 'the copy was replaced while it was read')
      }
      identity = content.identity
      for await (const chunk of bytes) {
        const written = this.#write(fd, chunk, position)
        hasher?.update(chunk) // while the system writes
        await written
        position += chunk.length
        onProgress?.(position)
      }
    }
    await this.#copy.read(consume, { start: () => position, signal })
  }

  async #write(fd: number, chunk: Uint8Array, position: number): Promise<void> {
    try {
      await writeFully(files, fd, chunk, position)
    } catch (error) {
      throw this.#localError(error)
    }
  }

  #checkLength(content: CopyContent): void {
    const { size } = this.#key
    if (size !== undefined && content.size !== size) throw wrongLength('get', this.#copy.where, content, this.#key)
  }

  async #discard(): Promise<void> {
    try {
      await files.unlink(toFsPath(this.#file))
    } catch {} // what was wrong with it is to be told
  }

  #localError(error: unknown): StoreError {
    return new StoreError({ kind: 'full', op: 'write', where: this.#file, message: messageOf(error), cause: error })
  }
}
