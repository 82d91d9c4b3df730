import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open, statfs, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { codeOf, messageOf } from '../../core/errors.ts'
import type { Bytes } from '../../core/source.ts'
import { decodeError } from './errors.ts'
import type { DecodeOptions } from './folder.ts'
import { InputFailure } from './input.ts'

const MAX_TEMPORARY_BYTES = 4 * 1024 ** 3
/** What a 7z archive of one folder has beside the packed data. */
const MAX_HEADERS_BYTES = 64 * 1024
/** Left free for others. */
const RESERVE_BYTES = 64 * 1024 * 1024

/** Whether the packed data is small enough for a temporary file. */
export function fitsTemporary({ packedSizes, maxTemporaryBytes = MAX_TEMPORARY_BYTES }: DecodeOptions): boolean {
  return packedSizes.reduce((sum, size) => sum + size, 0) + MAX_HEADERS_BYTES <= maxTemporaryBytes
}

/**
 * Writes a temporary file that has no name any more: it goes with the last process that has it
 * open, however that ends. Throws `unsupported` before anything is written when `size` is over the
 * bound, `full` when there is no space.
 */
export async function writeTemporary(content: Bytes, size: number, options: DecodeOptions): Promise<FileHandle> {
  const directory = options.temporaryDirectory ?? tmpdir()
  const limit = options.maxTemporaryBytes ?? MAX_TEMPORARY_BYTES
  if (size > limit) {
    const message = `unpacking it needs a temporary file of ${size} bytes, which is over the limit of ${limit}`
    throw decodeError('unsupported', options, message)
  }
  let file: FileHandle | undefined
  try {
    await checkSpace(directory, size, options)
    const path = join(directory, `riastore-${randomBytes(9).toString('base64url')}.7z`)
    file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600)
    await unlink(path)
    // By position, so that the file's own stays 0: on some systems whoever opens a descriptor anew
    // goes on from there.
    let position = 0
    for await (const chunk of content) {
      for (let done = 0; done < chunk.length; ) {
        const { bytesWritten } = await file.write(chunk, done, chunk.length - done, position)
        done += bytesWritten
        position += bytesWritten
      }
    }
    return file
  } catch (error) {
    await file?.close()
    throw translated(error, directory, options)
  }
}

async function checkSpace(directory: string, size: number, options: DecodeOptions): Promise<void> {
  const { bavail, bsize } = await statfs(directory)
  if (bavail * bsize < size + RESERVE_BYTES) {
    const message = `unpacking it needs a temporary file of ${size} bytes, for which ${directory} has no space`
    throw decodeError('full', options, message)
  }
}

/** The disk's errors; those of the content are passed on. */
function translated(error: unknown, directory: string, options: DecodeOptions): unknown {
  const code = error instanceof InputFailure ? undefined : codeOf(error)
  if (code === undefined) return error
  const kind = code === 'ENOSPC' || code === 'EDQUOT' ? 'full' : code === 'EACCES' ? 'denied' : 'transient'
  return decodeError(kind, options, `no temporary file in ${directory}: ${messageOf(error)}`, error)
}
