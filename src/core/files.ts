import * as fs from 'node:fs'
import { promisify } from 'node:util'

/** Node's descriptor calls as promises: half the cost of a FileHandle, which counts for a store of small files. */
export const open = promisify(fs.open)
export const close = promisify(fs.close)
export const fstat = promisify(fs.fstat)
export const fsync = promisify(fs.fsync)
export const fdatasync = promisify(fs.fdatasync)
export const fchmod = promisify(fs.fchmod)
export const ftruncate = promisify(fs.ftruncate)
export const stat = promisify(fs.stat)
export const rename = promisify(fs.rename)
export const unlink = promisify(fs.unlink)
export const mkdir = promisify(fs.mkdir)
export const rmdir = promisify(fs.rmdir)
export const chmod = promisify(fs.chmod)
export const link = promisify(fs.link)
const readAsync = promisify(fs.read)
const writeAsync = promisify(fs.write)

/** Large enough for few system calls, small enough for many jobs at once. */
export const FILE_CHUNK_BYTES = 512 * 1024

/**
 * Reads `[start, end)` of an open file, to its end at most. The same buffer is given again and again: a chunk is the
 * receiver's only until it asks for the next.
 */
export async function* readDescriptor(
  fd: number,
  start: number,
  end: number,
  signal?: AbortSignal,
  chunkBytes: number = FILE_CHUNK_BYTES,
): AsyncGenerator<Uint8Array, void, void> {
  const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(chunkBytes, end - start)))
  for (let position = start; position < end; ) {
    signal?.throwIfAborted()
    const { bytesRead } = await readAsync(fd, buffer, 0, Math.min(buffer.length, end - position), position)
    if (bytesRead === 0) return
    position += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

/** Writes the whole chunk at `position`. */
export async function writeFully(fd: number, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) {
    const { bytesWritten } = await writeAsync(fd, chunk, done, chunk.length - done, position + done)
    done += bytesWritten
  }
}
