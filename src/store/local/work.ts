import * as fs from 'node:fs'
import { codeOf, StoreError } from '../../core/errors.ts'
import { patientFiles as files } from '../../core/files.ts'
import type { Permissions } from '../store.ts'
import type { LocalDirectory } from './directory.ts'
import { LocalTree } from './tree.ts'

/**
 * Opens a directory of a store on a disk, for programs that work in it themselves. It is the one
 * that a change through the store would be made in, and stays that. Throws StoreError.
 */
export async function openToWork(root: string, path: string, op: string): Promise<LocalDirectory> {
  const directory = await new LocalTree(files, root === '/' ? '' : root).directory(path, { op, strict: true })
  if (directory !== undefined) return directory
  throw new StoreError({ kind: 'missing', op, where: `${root}/${path}`, message: 'there is no such directory' })
}

/**
 * Gives a file that another program made there its owner, group and mode, and flushes it. Throws
 * StoreError `conflict` for what is not ours.
 */
export async function finishFile(
  directory: LocalDirectory,
  name: string,
  op: string,
  wanted: Permissions | undefined,
): Promise<void> {
  const where = directory.where(name)
  const fd = await files.open(
    directory.at(name),
    fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK,
  )
  try {
    const stats = await files.fstat(fd)
    if (!stats.isFile() || stats.uid !== process.geteuid?.() || stats.nlink !== 1) {
      throw new StoreError({ kind: 'conflict', op, where, message: 'somebody put another file in its place' })
    }
    if (wanted !== undefined) await files.fchmod(fd, await own(fd, stats, wanted))
    await files.fsync(fd)
  } finally {
    await files.close(fd)
  }
}

/**
 * Gives the file to whom it shall belong, as far as we may. Returns the mode that it may have then.
 */
async function own(fd: number, stats: fs.Stats, { uid, gid, mode }: Permissions): Promise<number> {
  const isRoot = stats.uid === 0
  if ((!isRoot || uid === stats.uid) && gid === stats.gid) return mode & 0o7777
  try {
    await files.fchown(fd, isRoot ? uid : stats.uid, gid)
    return mode & 0o7777
  } catch (error) {
    if (codeOf(error) !== 'EPERM') throw error
    return (mode & 0o004) !== 0 ? mode & 0o7777 : mode & 0o707 // not for a group that it was not meant for
  }
}
