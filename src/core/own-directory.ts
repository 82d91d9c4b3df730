import { constants, type Stats } from 'node:fs'
import { open, readdir, rm, rmdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { DESCRIPTORS, NAMES_DESCRIPTORS } from './files.ts'

/** That nobody else may write into a directory. Mode bits of the group and of all others. */
const WRITABLE_BY_OTHERS = 0o022

/** A directory that is ours alone, while it is held open. */
export interface OwnDirectory {
  /** Where its content is, whatever is put in its place meanwhile. */
  readonly content: string
  /** ms since 1970. */
  readonly mtimeMs: number
}

/**
 * Whether what `lstat` or `fstat` tells is of a directory of ours into which nobody else may write.
 */
export function isOwnDirectory(stats: Stats): boolean {
  return stats.isDirectory() && stats.uid === process.geteuid?.() && (stats.mode & WRITABLE_BY_OTHERS) === 0
}

/**
 * Does `work` with a directory if it is ours alone: no link, our own, and nobody else may write
 * into it. What lies in a directory that others may write to (/tmp, a shared repository) has
 * whatever name they like, so a name proves nothing. Undefined when it is not ours, or not there.
 */
export async function withOwnDirectory<T>(
  path: string,
  work: (directory: OwnDirectory) => Promise<T>,
): Promise<T | undefined> {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW
  const handle = await open(path, flags).catch(() => undefined)
  if (handle === undefined) return undefined
  try {
    const stats = await handle.stat()
    if (!isOwnDirectory(stats)) return undefined
    const { mtimeMs } = stats
    // Linux leads from here to the open directory itself; elsewhere there is only its name.
    const content = NAMES_DESCRIPTORS ? `${DESCRIPTORS}/${handle.fd}` : path
    return await work({ content, mtimeMs })
  } finally {
    await handle.close()
  }
}

/**
 * Removes a directory of ours with all that is in it, `last` after everything else: the file that
 * says whose it is. Does nothing to what is not ours alone; what vanishes meanwhile is no error.
 */
export async function removeOwnDirectory(path: string, last: string): Promise<void> {
  const isEmptied = await withOwnDirectory(path, async ({ content }) => {
    const names = (await readdir(content)).filter((name) => name !== last)
    for (const name of [...names, last]) await rm(join(content, basename(name)), { recursive: true, force: true })
    return true
  })
  if (isEmptied) await rmdir(path).catch(() => {}) // somebody else removes it, too
}
