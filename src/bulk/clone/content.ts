import * as fs from 'node:fs'
import type { Checksum } from '../../core/checksum.ts'
import { codeOf, StoreError } from '../../core/errors.ts'
import type { Key } from '../../core/key.ts'
import type { Bytes } from '../../core/source.ts'
import { toFsPath } from '../../core/text.ts'
import { localError } from './local-error.ts'

/** Up to so many bytes a key is read into memory, checked, and written with one call. */
export const SMALL_BYTES = 1024 * 1024

/**
 * A key with a checksum and a length: only such keys are got here, for only of them we can say that
 * what came is what was stored.
 */
export interface CheckedKey {
  readonly key: Key
  readonly size: number
  readonly checksum: Checksum
}

/**
 * Writes content into the file of a key, after it was checked against the key. Throws StoreError
 * `corrupt`, or what the disk said.
 */
export async function writeChecked(
  checked: CheckedKey,
  content: Uint8Array,
  file: string,
  where: string,
): Promise<void> {
  const { key, size, checksum } = checked
  const isRight = checksum.matches(content) ?? (await matchesSlowly(checked, content))
  if (content.length !== size || !isRight) throw damaged(where, key)
  writeNew(content, file)
}

async function matchesSlowly({ checksum }: CheckedKey, content: Uint8Array): Promise<boolean> {
  const hasher = await checksum.start()
  hasher.update(content)
  return hasher.hex() === checksum.expected
}

/** Writes the file of a key. Throws StoreError, and leaves none then. */
export function writeNew(content: Uint8Array, file: string): void {
  const path = toFsPath(file)
  try {
    const fd = openNew(path)
    try {
      for (let done = 0; done < content.length; ) done += fs.writeSync(fd, content, done)
    } finally {
      fs.closeSync(fd)
    }
  } catch (error) {
    fs.rmSync(path, { force: true })
    throw localError(error, file)
  }
}

/**
 * Takes a small key as it comes. The chunk that is all of it is not copied. Throws as
 * `writeChecked` does.
 */
export async function takeSmall(bytes: Bytes, checked: CheckedKey, file: string, where: string): Promise<void> {
  const { size } = checked
  let content: Buffer | undefined
  let length = 0
  for await (const chunk of bytes) {
    if (length === 0 && chunk.length === size) await writeChecked(checked, chunk, file, where)
    else {
      if (length + chunk.length > size) throw damaged(where, checked.key)
      content ??= Buffer.allocUnsafe(size)
      content.set(chunk, length)
    }
    length += chunk.length
  }
  if (content !== undefined || length === 0)
    await writeChecked(checked, (content ?? Buffer.alloc(0)).subarray(0, length), file, where)
}

/**
 * Reads up to `length` bytes of an open file from its beginning, into the front of a buffer.
 * Returns how many there are.
 */
export function readFully(fd: number, buffer: Uint8Array, length: number): number {
  let done = 0
  while (done < length) {
    const count = fs.readSync(fd, buffer, done, length - done, done)
    if (count === 0) break
    done += count
  }
  return done
}

/** Nobody can write to it when it is placed. One that is there is what somebody who died left. */
function openNew(path: string | Buffer): number {
  try {
    return fs.openSync(path, 'wx', 0o444)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    fs.rmSync(path)
    return fs.openSync(path, 'wx', 0o444)
  }
}

export function damaged(where: string, key: Key): StoreError {
  const message = `the copy is damaged: its content is not what the key ${key.text} says`
  return new StoreError({ kind: 'corrupt', op: 'get', where, message })
}
