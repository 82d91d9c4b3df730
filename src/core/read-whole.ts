import * as fs from 'node:fs'
import { AT_ONCE_BYTES } from './files.ts'

/** Reads an open file that has exactly `size` bytes, and closes it. Undefined for any other. */
export function readWhole(fd: number, size: number): Buffer | undefined {
  try {
    const stats = fs.fstatSync(fd)
    return stats.isFile() && stats.size === size ? readOpen(fd, size) : undefined
  } catch {
    return undefined
  } finally {
    fs.closeSync(fd)
  }
}

/**
 * Reads a file of the user's repository at once, if it is small. Undefined proves nothing, nor does
 * it tell that there is none.
 */
export function readSmallFile(file: string | Buffer): Buffer | undefined {
  let fd: number | undefined
  try {
    fd = fs.openSync(file, 'r')
    const stats = fs.fstatSync(fd)
    return stats.isFile() && stats.size <= AT_ONCE_BYTES ? readOpen(fd, stats.size) : undefined
  } catch {
    return undefined
  } finally {
    if (fd !== undefined) fs.closeSync(fd)
  }
}

function readOpen(fd: number, size: number): Buffer | undefined {
  // One byte more than it had: content that grew since is noticed.
  const buffer = Buffer.allocUnsafe(size + 1)
  return fs.readSync(fd, buffer, 0, size + 1, 0) === size ? buffer.subarray(0, size) : undefined
}
