import { codeOf } from '../core/errors.ts'
import type { Files } from '../core/files.ts'
import { toFsPath } from '../core/text.ts'
import { DIRECTORY_MODE, sharedDirectoryMode } from './sharing.ts'
import type { Sharing } from './store.ts'

export interface MakeOptions {
  readonly sharing?: Sharing | undefined
  /** Absolute. Neither it nor what is above it is made. */
  readonly within?: string | undefined
}

/** Makes the directories above a file. Returns those whose entries changed: they want an fsync. */
export async function makeParents(files: Files, file: string, options: MakeOptions): Promise<string[]> {
  const directory = file.slice(0, file.lastIndexOf('/'))
  return directory === '' ? [] : makeDirectory(files, directory, options)
}

async function makeDirectory(files: Files, directory: string, options: MakeOptions): Promise<string[]> {
  try {
    await files.mkdir(toFsPath(directory), DIRECTORY_MODE)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return []
    const parent = directory.slice(0, directory.lastIndexOf('/'))
    if (codeOf(error) !== 'ENOENT' || parent === options.within) throw error
    const made = await makeParents(files, directory, options)
    return [...(await makeDirectory(files, directory, options)), ...made]
  }
  if (options.sharing) {
    const { mode } = await files.stat(toFsPath(directory))
    await files.chmod(toFsPath(directory), sharedDirectoryMode(mode, options.sharing) & 0o7777)
  }
  return [directory.slice(0, directory.lastIndexOf('/')) || '/']
}

/**
 * Does something that changes a directory's entries. git-annex leaves directories of keys without write permission:
 * such a one gets it for the moment, and is left as it was found.
 */
export async function withWritable<T>(files: Files, directory: string, change: () => T | Promise<T>): Promise<T> {
  try {
    return await change()
  } catch (error) {
    const code = codeOf(error)
    if (code !== 'EACCES' && code !== 'EPERM') throw error
    const path = toFsPath(directory)
    const { mode } = await files.stat(path)
    if ((mode & 0o200) !== 0) throw error
    try {
      await files.chmod(path, (mode & 0o7777) | 0o300)
    } catch {
      throw error // not our directory: what was refused first says more
    }
    try {
      return await change()
    } finally {
      await restoreMode(files, path, mode & 0o7777)
    }
  }
}

async function restoreMode(files: Files, path: string | Buffer, mode: number): Promise<void> {
  try {
    await files.chmod(path, mode)
  } catch {} // the change may have removed it
}
