import * as fs from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Bandwidth } from '../core/bandwidth.ts'
import { messageOf, StoreError } from '../core/errors.ts'
import { diskFiles, FILE_CHUNK_BYTES, readDescriptor } from '../core/files.ts'
import type { Key } from '../core/key.ts'
import type { Bytes, Source } from '../core/source.ts'
import { toFsPath } from '../core/text.ts'
import { type CheckedKey, readFully } from './clone/content.ts'
import { localError } from './clone/local-error.ts'

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

/**
 * The same of a small object, whole, in the front of a buffer that has space for a byte more.
 * Undefined where that takes `objectSource`: an algorithm that OpenSSL lacks. Throws as that ends.
 */
export function readSmallObject(file: string, { key, size, checksum }: CheckedKey, buffer: Buffer): Buffer | undefined {
  const fd = openObject(file)
  try {
    // One byte more than the key has: content that is longer is noticed.
    const content = buffer.subarray(0, readFully(fd, buffer, size + 1))
    const isRight = content.length === size ? checksum.matches(content) : false
    if (isRight === false) throw damagedObject(file, key)
    return isRight ? content : undefined
  } catch (error) {
    throw localError(error, file, 'read')
  } finally {
    fs.closeSync(fd)
  }
}

async function* readObject(
  file: string,
  checked: CheckedKey,
  { bandwidth, onBytes }: ObjectSourceOptions,
  signal?: AbortSignal,
): Bytes {
  const chunks = rightChunks(file, checked, signal)
  for await (const chunk of checked.size > FILE_CHUNK_BYTES ? oneAhead(chunks) : chunks) {
    if (bandwidth.isLimited) await bandwidth.pass(chunk.length, signal)
    onBytes(chunk.length)
    yield chunk
  }
}

/** Ends in a StoreError `corrupt` in place of the last chunk when the content is not the key's. */
async function* rightChunks(
  file: string,
  { key, size, checksum }: CheckedKey,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  const hasher = await checksum.start()
  let length = 0
  for await (const chunk of chunksOf(file, size, signal)) {
    hasher.update(chunk)
    length += chunk.length
    if (length > size || (length === size && hasher.hex() !== checksum.expected)) break
    yield chunk
    if (length === size) return
  }
  if (size === 0 && length === 0 && hasher.hex() === checksum.expected) return
  throw damagedObject(file, key)
}

/**
 * Makes a chunk while the receiver has the one before: what it does with that one is begun first,
 * and goes on in the system while we compute.
 */
async function* oneAhead(chunks: AsyncGenerator<Uint8Array, void, void>): Bytes {
  let next = chunks.next()
  try {
    for (;;) {
      const { done, value } = await next
      if (done) return
      next = nextTurn().then(() => chunks.next())
      next.catch(() => {}) // told when its turn comes
      yield value
    }
  } finally {
    await next.catch(() => {})
    await chunks.return()
  }
}

function damagedObject(file: string, { text }: Key): StoreError {
  const message = `the object is not what its key says: git annex fsck --key=${text}`
  return new StoreError({ kind: 'corrupt', op: 'read', where: file, message, sent: 'no' })
}

async function* chunksOf(file: string, size: number, signal: AbortSignal | undefined): Bytes {
  const fd = openObject(file)
  try {
    // One byte more than the key has: content that is longer is noticed. Two are held: one is
    // stored while the next is held against the checksum.
    yield* readDescriptor(diskFiles, fd, 0, size + 1, signal, { held: 2 })
  } catch (error) {
    throw signal?.aborted ? error : localError(error, file, 'read')
  } finally {
    fs.closeSync(fd)
  }
}

function openObject(file: string): number {
  try {
    return fs.openSync(toFsPath(file), 'r')
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
}
