import { codeOf } from '../core/errors.ts'
import type { Files } from '../core/files.ts'
import { toFsPath } from '../core/text.ts'
import { DIRECTORY_MODE, sharedDirectoryMode } from './sharing.ts'
import type { Sharing } from './store.ts'

export interface MakeOptions {
  /** Directories that were made or met, so that they are not made again for each file. */
  readonly known: Set<string>
  readonly sharing?: Sharing | undefined
  /** Absolute. Neither it nor what is above it is made. */
  readonly within?: string | undefined
}

/** So many directories are remembered; then memory counts more. */
const KNOWN_LIMIT = 50_000

/**
 * Makes the directories above a file that are not known to exist, from the top. Returns those whose entries changed: they want an fsync.
 */
export async function makeParents(files: Files, file: string, options: MakeOptions): Promise<string[]> {
  const { known, within = '' } = options
  const wanted: string[] = []
  for (let at = file.lastIndexOf('/'); at > within.length; at = file.lastIndexOf('/', at - 1)) {
    const directory = file.slice(0, at)
    if (known.has(directory)) break
    wanted.unshift(directory)
  }
  if (known.size > KNOWN_LIMIT) known.clear()
  const changed: string[] = []
  for (const directory of wanted) {
    if (await makeDirectory(files, directory, options.sharing)) changed.push(parentOf(directory))
    known.add(directory)
  }
  return changed
}

/** False when it was there already. */
async function makeDirectory(files: Files, directory: string, sharing: Sharing | undefined): Promise<boolean> {
  const path = toFsPath(directory)
  try {
    await files.mkdir(path, DIRECTORY_MODE)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    // Of a directory that we may not write to (`/home`, say) some systems tell that before they look whether the entry exists.
    if ((await files.lookUp(path))?.isDirectory()) return false
    throw error
  }
  if (sharing) {
    const { mode } = await files.stat(path)
    await files.chmod(path, sharedDirectoryMode(mode, sharing) & 0o7777)
  }
  return true
}

export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/'
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
