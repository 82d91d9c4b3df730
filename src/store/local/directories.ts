import * as fs from 'node:fs'
import { codeOf } from '../../core/errors.ts'
import type { Files } from '../../core/files.ts'
import { toFsPath } from '../../core/text.ts'
import type { Access } from '../common/links.ts'
import { DIRECTORY_MODE, sharedDirectoryMode } from '../sharing.ts'
import type { Sharing } from '../store.ts'
import { type LocalDirectory, openDirectory } from './directory.ts'
import type { LocalTree } from './tree.ts'

export interface MakeOptions extends Access {
  readonly files: Files
  readonly tree: LocalTree
  /** Absolute. */
  readonly root: string
  /** Directories that were made or met, so that they are not made again for each file. */
  readonly known: Set<string>
  readonly sharing?: Sharing | undefined
  /** Neither this directory nor what is above it is made. */
  readonly within?: string | undefined
}

/**
 * A directory, and those above it whose entries changed: they want an fsync. All open, to be closed
 * together.
 */
export interface Made {
  readonly directory: LocalDirectory
  readonly changed: readonly LocalDirectory[]
}

/** So many directories are remembered; then memory counts more. */
const KNOWN_LIMIT = 50_000

/**
 * Makes a directory and those above it that are not known to exist, from the top, each in the one
 * above it.
 */
export async function makeDirectories(path: string, options: MakeOptions): Promise<Made> {
  const { known, files } = options
  const { start, wanted } = unknownParts(path, options)
  let current = await openStart(start, options)
  const changed: LocalDirectory[] = []
  try {
    for (const directory of wanted) {
      const name = nameOf(directory)
      const isNew = await makeDirectory(files, current, name)
      const next = await enter(directory, name, current, options)
      if (isNew) {
        changed.push(current)
        current = next
        await adopt(files, changed.at(-1), next.fd)
        await share(files, next, options.sharing)
      } else {
        await current.close()
        current = next
      }
      known.add(directory)
    }
    return { directory: current, changed }
  } catch (error) {
    await closeAll([current, ...changed])
    throw error
  }
}

/**
 * The directories above a path, and itself, that are not known to exist, from the top; and the one
 * to start in.
 */
export function unknownParts(path: string, { known, within = '' }: Pick<MakeOptions, 'known' | 'within'>) {
  const wanted: string[] = []
  let start = path
  for (; start.length > within.length && !known.has(start); start = parentOf(start)) wanted.unshift(start)
  if (known.size > KNOWN_LIMIT) known.clear()
  return { start, wanted }
}

export async function closeAll(directories: readonly LocalDirectory[]): Promise<void> {
  for (const directory of directories) await directory.close()
}

async function openStart(path: string, options: MakeOptions): Promise<LocalDirectory> {
  const { tree, files, sharing, within } = options
  const opened = await tree.directory(path, options)
  if (opened !== undefined) return opened
  if (path !== '' || within !== undefined) throw gone(path)
  // Whoever named the store vouches for the way to it.
  const made = await fs.promises.mkdir(toFsPath(options.root), { recursive: true, mode: DIRECTORY_MODE })
  const root = await tree.directory(path, options)
  if (root === undefined) throw gone(path)
  if (made !== undefined) await share(files, root, sharing)
  return root
}

/** False when it was there already. */
async function makeDirectory(files: Files, parent: LocalDirectory, name: string): Promise<boolean> {
  try {
    await files.mkdir(parent.at(name), DIRECTORY_MODE)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    // Of a directory that we may not write to some systems tell that before they look whether the
    // entry exists.
    if ((await files.lstat(parent.at(name))) !== undefined) return false
    throw error
  }
}

/** Opens a directory that was just made, or met: then it may be a link. */
async function enter(
  path: string,
  name: string,
  parent: LocalDirectory,
  options: MakeOptions,
): Promise<LocalDirectory> {
  try {
    return parent.inside(name, await openDirectory(options.files, parent.at(name)))
  } catch (error) {
    const code = codeOf(error)
    if (code !== 'ELOOP' && code !== 'ENOTDIR') throw error
    const found = await options.tree.directory(path, options)
    if (found !== undefined) return found
    throw error
  }
}

async function share(files: Files, directory: LocalDirectory, sharing: Sharing | undefined): Promise<void> {
  if (!sharing) return
  const { mode } = await files.fstat(directory.fd)
  await files.chmod(directory.self, sharedDirectoryMode(mode, sharing) & 0o7777)
}

/**
 * Makes what root has made the property of the owner and the group of the directory that it is in:
 * the owner of a dataset goes on owning what is in it.
 */
export async function adopt(files: Files, parent: LocalDirectory | undefined, fd: number): Promise<void> {
  if (parent === undefined || process.geteuid?.() !== 0) return
  const { uid, gid } = await files.fstat(parent.fd)
  if (uid !== 0) await files.fchown(fd, uid, gid)
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

/** The last part of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/**
 * Does something that changes a directory's entries. git-annex leaves directories of keys without
 * write permission: such a one gets it for the moment, and is left as it was found.
 */
export async function withWritable<T>(
  files: Files,
  directory: LocalDirectory,
  change: () => T | Promise<T>,
): Promise<T> {
  try {
    return await change()
  } catch (error) {
    const code = codeOf(error)
    if (code !== 'EACCES' && code !== 'EPERM') throw error
    const { mode } = await files.fstat(directory.fd)
    if ((mode & 0o200) !== 0) throw error
    try {
      await files.chmod(directory.self, (mode & 0o7777) | 0o300)
    } catch {
      throw error // not our directory: what was refused first says more
    }
    try {
      return await change()
    } finally {
      await restoreMode(files, directory, mode & 0o7777)
    }
  }
}

async function restoreMode(files: Files, directory: LocalDirectory, mode: number): Promise<void> {
  try {
    await files.chmod(directory.self, mode)
  } catch {} // the change may have removed it
}

/**
 * Some network file systems cannot flush a directory, and one that may be searched need not be
 * readable.
 */
const CANNOT_FLUSH = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EACCES', 'EPERM', 'EBADF'])

/** Flushes the entries of a directory. */
export async function flushDirectory(files: Files, directory: LocalDirectory): Promise<void> {
  if (!directory.isReadable) return
  try {
    await files.fsync(directory.fd)
  } catch (error) {
    requireFlushable(error)
  }
}

/** The same at once; false where it is not flushed yet. */
export function flushDirectoryAtOnce(files: Files, directory: LocalDirectory): boolean {
  if (!directory.isReadable) return true
  try {
    return files.fsyncAtOnce(directory.fd)
  } catch (error) {
    requireFlushable(error) // a second flush would not tell of what the first one lost
    return true
  }
}

/** Throws, unless it is that the directory cannot be flushed at all. */
export function requireFlushable(error: unknown): void {
  if (!CANNOT_FLUSH.has(codeOf(error) ?? '')) throw error
}

function gone(path: string): Error {
  return Object.assign(new Error(`no such directory: ${path}`), { code: 'ENOENT' })
}
