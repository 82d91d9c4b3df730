import * as fs from 'node:fs'
import { diskFiles, filesFor } from '../core/files.ts'
import { toFsPath } from '../core/text.ts'
import { keyPaths } from '../ria/layout/paths.ts'
import { type CheckedKey, SMALL_BYTES } from './clone/content.ts'
import type { OpenRemote } from './open-remote.ts'

/**
 * Reads small loose keys of a store that lies on a disk of this machine with as few system calls as
 * it takes. A call of the store, which can be aborted, watched and tried again, takes five times as
 * long as to read such a key. Whatever is not as it should be is left to the store, which says what
 * is wrong.
 */
export class DirectReads {
  readonly #remote: OpenRemote
  readonly #buffer = Buffer.allocUnsafeSlow(SMALL_BYTES)

  private constructor(remote: OpenRemote) {
    this.#remote = remote
  }

  /** Undefined where a call may wait for more than a disk. */
  static async for(remote: OpenRemote): Promise<DirectReads | undefined> {
    const { local, root } = remote.store.traits
    return local && (await filesFor(root)) === diskFiles ? new DirectReads(remote) : undefined
  }

  /** The content of a key, the receiver's until the next call; undefined: ask the store. */
  read({ key, size, checksum }: CheckedKey): Uint8Array | undefined {
    if (size > SMALL_BYTES) return undefined
    const { store, directory, layout } = this.#remote
    const [path = ''] = keyPaths(directory, layout.dataset.version, key.text)
    try {
      const content = this.#readFile(`${store.traits.root}/${path}`, size)
      return content !== undefined && checksum.matches(content) ? content : undefined
    } catch {
      return undefined
    }
  }

  #readFile(file: string, size: number): Uint8Array | undefined {
    // What is no file must not keep us waiting.
    const fd = fs.openSync(toFsPath(file), fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
    try {
      const stats = fs.fstatSync(fd)
      if (!stats.isFile() || stats.size !== size) return undefined
      let length = 0
      while (length < size) {
        const count = fs.readSync(fd, this.#buffer, length, size - length, length)
        if (count === 0) return undefined
        length += count
      }
      return this.#buffer.subarray(0, size)
    } finally {
      fs.closeSync(fd)
    }
  }
}
