import * as fs from 'node:fs/promises'
import { decode } from '../../core/text.ts'
import { type DirectoryEntry, direntLength, writeDirent } from '../fuse/messages.ts'
import { HIDDEN } from './change-names.ts'

/** A number that stands for one that nobody has asked for. Source: libfuse, FUSE_UNKNOWN_INO. */
const UNKNOWN = 0xffffffff

/**
 * What a directory of a work tree has now. `numberOf`: the number by which the kernel knows a name
 * of it.
 */
export async function listDirectory(
  path: string | Buffer,
  node: number,
  numberOf: (name: string) => number | undefined,
): Promise<readonly DirectoryEntry[]> {
  const found = await fs.readdir(path, { withFileTypes: true, encoding: 'buffer' })
  const entries: DirectoryEntry[] = ['.', '..'].map((name) => ({ name: Buffer.from(name), node, kind: 'directory' }))
  for (const entry of found) {
    const name = decode(entry.name)
    if (name === HIDDEN) continue
    const kind = entry.isDirectory() ? 'directory' : entry.isFile() ? 'file' : undefined
    entries.push({ name: entry.name, node: numberOf(name) ?? UNKNOWN, kind })
  }
  return entries
}

/** The answer to `readdir`: as many entries from `offset` on as `size` bytes have room for. */
export function formatEntries(entries: readonly DirectoryEntry[], offset: number, size: number): Buffer {
  const bytes = Buffer.alloc(size)
  let at = 0
  for (let i = offset; i < entries.length; i++) {
    const entry = entries[i]
    if (entry === undefined || at + direntLength(entry.name, false) > bytes.length) break
    writeDirent(bytes, at, entry, i + 1)
    at += direntLength(entry.name, false)
  }
  return bytes.subarray(0, at)
}

/** Has the disk keep which names a directory has. */
export async function syncDirectory(path: string | Buffer): Promise<void> {
  const directory = await fs.open(path, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}
