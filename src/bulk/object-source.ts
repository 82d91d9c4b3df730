import * as fs from 'node:fs'
import type { Bandwidth } from '../core/bandwidth.ts'
import { messageOf, StoreError } from '../core/errors.ts'
import { diskFiles, readDescriptor } from '../core/files.ts'
import type { Bytes, Source } from '../core/source.ts'
import { toFsPath } from '../core/text.ts'
import { type CheckedKey, SMALL_BYTES } from './clone/content.ts'

export interface ObjectSourceOptions {
  readonly bandwidth: Bandwidth
  /** Bytes that were read just now. */
  readonly onBytes: (bytes: number) => void
}

/**
 * An object of the clone as something that can be stored. It is held against the key's checksum
 * while it is read, and its last bytes are only given when it is right: what is not the key's
 * content never gets whole into a store. Ends in a StoreError `corrupt` then.
 */
export function objectSource(file: string, checked: CheckedKey, options: ObjectSourceOptions): Source {
  return { size: checked.size, open: (signal) => readObject(file, checked, options, signal) }
}

async function* readObject(
  file: string,
  checked: CheckedKey,
  options: ObjectSourceOptions,
  signal?: AbortSignal,
): Bytes {
  const { key, size, checksum } = checked
  const hasher = await checksum.start()
  let length = 0
  for await (const chunk of chunksOf(file, size, signal)) {
    hasher.update(chunk)
    length += chunk.length
    if (length > size || (length === size && hasher.hex() !== checksum.expected)) break
    if (options.bandwidth.isLimited) await options.bandwidth.pass(chunk.length, signal)
    options.onBytes(chunk.length)
    yield chunk
    if (length === size) return
  }
  if (size === 0 && length === 0 && hasher.hex() === checksum.expected) return
  const message = `the object is not what its key says: git annex fsck --key=${key.text}`
  throw new StoreError({ kind: 'corrupt', op: 'read', where: file, message, sent: 'no' })
}

async function* chunksOf(file: string, size: number, signal: AbortSignal | undefined): Bytes {
  let fd: number
  try {
    fd = fs.openSync(toFsPath(file), 'r')
  } catch (error) {
    throw new StoreError({
      kind: 'missing',
      op: 'read',
      where: file,
      message: messageOf(error),
      sent: 'no',
      cause: error,
    })
  }
  try {
    // One byte more than the key has: content that is longer is noticed.
    yield* readDescriptor(diskFiles, fd, 0, size + 1, signal, Math.min(SMALL_BYTES, 512 * 1024))
  } finally {
    fs.closeSync(fd)
  }
}
