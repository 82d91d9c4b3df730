import { FuseError } from '../fuse/opcodes.ts'

/** What takes bytes at a place, as node's FileHandle does. */
export interface Writes {
  write(bytes: Uint8Array, from: number, length: number, at: number): Promise<{ readonly bytesWritten: number }>
}

/**
 * Writes all bytes at a place of a file. A disk that is nearly full may take a part of them; what
 * stands in the way of the rest is thrown then.
 */
export async function writeAll(file: Writes, bytes: Uint8Array, at: number): Promise<void> {
  for (let from = 0; from < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, from, bytes.length - from, at + from)
    if (bytesWritten === 0) throw new FuseError('EIO')
    from += bytesWritten
  }
}
