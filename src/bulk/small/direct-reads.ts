import * as fs from 'node:fs'
import { diskFiles, filesFor } from '../../core/files.ts'
import { decode, toFsPath } from '../../core/text.ts'
import { keyPaths } from '../../ria/layout/paths.ts'
import { type CheckedKey, readFully, SMALL_BYTES } from '../clone/content.ts'
import type { OpenRemote } from '../open-remote.ts'

/**
 * Reads small loose keys of a store that lies on a disk of this machine with as few system calls as
 * it takes. A call of the store, which can be aborted, watched and tried again, takes five times as
 * long as to read such a key. Whatever is not as it should be is left to the store, which says what
 * is wrong.
 */
export class DirectReads {
  readonly #remote: OpenRemote
  /** The store's root, without links. */
  readonly #root: string
  readonly #buffer = Buffer.allocUnsafeSlow(SMALL_BYTES)

  private constructor(remote: OpenRemote, root: string) {
    this.#remote = remote
    this.#root = root
  }

  /** Undefined where a call may wait for more than a disk. */
  static async for(remote: OpenRemote): Promise<DirectReads | undefined> {
    const { local, root } = remote.store.traits
    if (!local || (await filesFor(root)) !== diskFiles) return undefined
    return new DirectReads(remote, decode(fs.realpathSync(toFsPath(root), { encoding: 'buffer' })))
  }

  /** The content of a key, the receiver's until the next call; undefined: ask the store. */
  read({ key, size, checksum }: CheckedKey): Uint8Array | undefined {
    if (size > SMALL_BYTES) return undefined
    const { directory, layout } = this.#remote
    const [path = ''] = keyPaths(directory, layout.dataset.version, key.text)
    try {
      const content = this.#readFile(`${this.#root}/${path}`, size)
      return content !== undefined && checksum.matches(content) ? content : undefined
    } catch {
      return undefined
    }
  }

  #readFile(file: string, size: number): Uint8Array | undefined {
    // What is no file must not keep us waiting.
    const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = fs.constants
    const fd = fs.openSync(toFsPath(file), O_RDONLY | O_NONBLOCK | O_NOFOLLOW)
    try {
      // Whose links are followed, only the store decides.
      if (decode(fs.readlinkSync(`/proc/self/fd/${fd}`, { encoding: 'buffer' })) !== file) return undefined
      const stats = fs.fstatSync(fd)
      if (!stats.isFile() || stats.size !== size) return undefined
      return readFully(fd, this.#buffer, size) === size ? this.#buffer.subarray(0, size) : undefined
    } finally {
      fs.closeSync(fd)
    }
  }
}
