import { statfs } from 'node:fs/promises'
import { codeOf } from '../core/errors.ts'
import type { Files } from '../core/files.ts'
import { toFsPath } from '../core/text.ts'
import { parentOf, withWritable } from './local-directories.ts'
import { flushDirectory } from './local-put.ts'
import type { MoveOptions } from './store.ts'

/** Renames a file and flushes the directories that changed. */
export async function moveLocal(
  files: Files,
  from: string,
  to: string,
  { flush = true, mayChange }: MoveOptions,
): Promise<void> {
  const directories = [...new Set([parentOf(from), parentOf(to)])]
  const move = async () => {
    mayChange?.()
    return files.rename(toFsPath(from), toFsPath(to))
  }
  await directories.reduce((change, directory) => () => withWritable(files, directory, change), move)()
  if (flush) await Promise.all(directories.map((directory) => flushDirectory(files, directory)))
}

/** Free bytes for this user, of the file system of a directory or of what is above where it would be. */
export async function freeLocalBytes(directory: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(toFsPath(directory))
    return bavail * bsize
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || directory === '/') throw error
    return freeLocalBytes(parentOf(directory))
  }
}
