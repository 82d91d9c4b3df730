import { constants } from 'node:fs'
import { checksumOf } from '../../core/checksum.ts'
import { isStoreError } from '../../core/errors.ts'
import { diskFiles as files, writeFully } from '../../core/files.ts'
import type { Key } from '../../core/key.ts'
import type { Bytes } from '../../core/source.ts'
import { toFsPath } from '../../core/text.ts'
import type { CallOptions } from '../../store/store.ts'
import type { Copy } from './copy.ts'

/**
 * Downloads a copy that was found to be damaged into the local `file`, as it is: for git-annex's
 * fsck, which checks it, keeps it in its own `annex/bad`, and then takes it away from the store.
 * Where the copy can be read in part only, that part is the file. False, without a file, when fsck
 * might not find the damage. Throws what the store throws, but no `corrupt`.
 */
export async function handOver(copy: Copy, key: Key, file: string, { signal }: CallOptions): Promise<boolean> {
  const path = toFsPath(file)
  const fd = await files.open(path, constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC, 0o666)
  let handedOver = false
  try {
    handedOver = isFoundByCheck(key, await writeAll(copy, fd, signal))
    return handedOver
  } finally {
    await files.close(fd)
    if (!handedOver) await files.unlink(path)
  }
}

/** Returns how many bytes could be read. */
async function writeAll(copy: Copy, fd: number, signal: AbortSignal | undefined): Promise<number> {
  let position = 0
  const consume = async (bytes: Bytes) => {
    for await (const chunk of bytes) {
      await writeFully(files, fd, chunk, position)
      position += chunk.length
    }
  }
  try {
    await copy.read(consume, { start: () => position, signal })
  } catch (error) {
    if (!isStoreError(error, 'corrupt')) throw error
  }
  return position
}

/**
 * Whether git-annex's fsck is sure to find out about content of so many bytes that is not the
 * key's: by the key's checksum (a chunk has that of the whole), or by its length. It cannot check
 * what is encrypted, for it fails to decrypt it, and it leaves git bundles alone.
 */
function isFoundByCheck(key: Key, bytes: number): boolean {
  if (key.size !== undefined && key.size !== bytes) return true
  return key.backend !== 'GITBUNDLE' && checksumOf({ ...key, isChunk: false }) !== undefined
}
