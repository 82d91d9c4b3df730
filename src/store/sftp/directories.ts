import { DIRECTORY_MODE, sharedDirectoryMode } from '../sharing.ts'
import type { Sharing } from '../store.ts'
import { isFailure, isNoSuchFile, isPermissionDenied } from './errors.ts'
import type { SftpSession } from './session.ts'

/** So many directories are remembered; then memory counts more. */
const KNOWN_LIMIT = 50_000

/**
 * Somebody may prune an empty directory between our making it and our using it; so often we make it
 * again.
 */
export const PRUNED_TRIES = 5

export interface DirectoryOptions {
  readonly sharing?: Sharing | undefined
  /** Of a file: see PutOptions. */
  readonly readers?: number | undefined
  /** Absolute. Neither it nor what is above it is made. */
  readonly within: string
  readonly known: Set<string>
}

/**
 * Sends requests for all directories above a file that are not known to exist, in one go: a caller
 * that makes them does not wait for each. Resolves with the new ones and their modes; whether one
 * could be made shows when it is used.
 */
export async function makeParents(
  session: SftpSession,
  file: string,
  options: DirectoryOptions,
): Promise<NewDirectory[]> {
  const wanted: string[] = []
  for (let at = file.lastIndexOf('/'); at > options.within.length; at = file.lastIndexOf('/', at - 1)) {
    const directory = file.slice(0, at)
    if (options.known.has(directory)) break
    wanted.unshift(directory)
  }
  if (options.known.size > KNOWN_LIMIT) options.known.clear()
  const made = await Promise.all(wanted.map((directory) => makeDirectory(session, directory, options)))
  return made.filter((directory) => directory !== undefined)
}

export interface NewDirectory {
  readonly path: string
  readonly mode: number | undefined
}

async function makeDirectory(
  session: SftpSession,
  path: string,
  { sharing, known }: DirectoryOptions,
): Promise<NewDirectory | undefined> {
  const making = session.mkdir(path, DIRECTORY_MODE)
  const stats = sharing && session.stat(path) // sent along: it finds the directory as it was just made
  stats?.catch(() => {})
  try {
    await making
    known.add(path)
    return { path, mode: (await stats)?.mode }
  } catch (error) {
    if (isFailure(error))
      known.add(path) // most likely it exists; if not, that shows at once
    else if (!isNoSuchFile(error) && !isPermissionDenied(error)) throw error
    return undefined
  }
}

/** Gives new directories of a shared repository the mode that they should have. */
export async function shareDirectories(
  session: SftpSession,
  made: readonly NewDirectory[],
  sharing: Sharing | undefined,
): Promise<void> {
  if (sharing === undefined) return
  await Promise.all(
    made.map(({ path, mode = DIRECTORY_MODE }) => session.chmod(path, sharedDirectoryMode(mode, sharing) & 0o7777)),
  )
}

/**
 * Does something that changes a directory's entries. git-annex leaves directories of keys without
 * write permission: such a one gets it for the moment, and is left as it was found.
 */
export async function withWritable<T>(session: SftpSession, directory: string, change: () => Promise<T>): Promise<T> {
  try {
    return await change()
  } catch (error) {
    if (!isPermissionDenied(error)) throw error
    const { mode } = await session.stat(directory)
    if ((mode & 0o200) !== 0) throw error
    try {
      await session.chmod(directory, (mode & 0o7777) | 0o300)
    } catch {
      throw error // not our directory: what was refused first says more
    }
    try {
      return await change()
    } finally {
      await session.chmod(directory, mode & 0o7777).catch(() => {}) // the change may have removed it
    }
  }
}
