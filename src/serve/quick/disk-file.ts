import * as fs from 'node:fs'
import { diskFiles, filesFor, NAMES_DESCRIPTORS } from '../../core/files.ts'
import { decode, toFsPath } from '../../core/text.ts'
import type { Store } from '../../store/store.ts'

/** By what a file is known again, and known not to have changed. Times in ns. */
export type FileIdentity = Pick<fs.BigIntStats, 'dev' | 'ino' | 'size' | 'mtimeNs' | 'ctimeNs'>

/** A file that is open for reading. */
export interface OpenFile {
  readonly fd: number
  readonly identity: FileIdentity & Pick<fs.BigIntStats, 'nlink'>
}

/**
 * What has changed since is not told by its times: the clock of a file system stands still for some
 * ms at a time. ms.
 */
const SETTLED_MS = 2_000

/**
 * The root of a store on a disk of this machine, without links, where its files can be read with
 * calls that answer at once. Undefined where a call may wait for more than a disk.
 */
export async function diskRoot({ traits: { local, root } }: Store): Promise<string | undefined> {
  if (!local || !NAMES_DESCRIPTORS || (await filesFor(root)) !== diskFiles) return undefined
  return decode(fs.realpathSync(toFsPath(root), { encoding: 'buffer' }))
}

/**
 * Opens a file; undefined where it is not there, is none, or is there by way of a link: whose links
 * are followed only the store decides. `path`: absolute, below what `diskRoot` says.
 */
export function openPlainFile(path: string): OpenFile | undefined {
  // What is no file must not keep us waiting.
  const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = fs.constants
  let fd: number
  try {
    fd = fs.openSync(toFsPath(path), O_RDONLY | O_NONBLOCK | O_NOFOLLOW)
  } catch {
    return undefined
  }
  try {
    const isAtItsPlace = decode(fs.readlinkSync(`/proc/self/fd/${fd}`, { encoding: 'buffer' })) === path
    const identity = fs.fstatSync(fd, { bigint: true })
    if (isAtItsPlace && identity.isFile()) return { fd, identity }
  } catch {}
  fs.closeSync(fd)
  return undefined
}

/**
 * Whether a file that is open has the content that it had when it was opened. A key may be dropped
 * or linked meanwhile: that changes a time of its file, and nothing that is read.
 */
export function isUnchanged({ fd, identity }: OpenFile): boolean {
  const now = fs.fstatSync(fd, { bigint: true })
  const hasOtherLinks = now.nlink !== identity.nlink
  return isSameFile(hasOtherLinks ? { ...now, ctimeNs: identity.ctimeNs } : now, identity)
}

/** What is at a path now, whatever leads there; undefined when nothing is, or it cannot be seen. */
export function identityAt(path: string): FileIdentity | undefined {
  try {
    return fs.statSync(toFsPath(path), { bigint: true, throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

export function isSameFile(a: FileIdentity, b: FileIdentity): boolean {
  return a.ino === b.ino && a.ctimeNs === b.ctimeNs && a.mtimeNs === b.mtimeNs && a.size === b.size && a.dev === b.dev
}

/** Whether a change that comes now would be seen by the file's times. */
export function isSettled({ ctimeNs }: FileIdentity): boolean {
  return Number(ctimeNs / 1_000_000n) + SETTLED_MS < Date.now()
}
