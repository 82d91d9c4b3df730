import { constants, copyFile, link, lstat, open, rm } from 'node:fs/promises'
import { checksumOf } from '../../core/checksum.ts'
import { codeOf } from '../../core/errors.ts'
import type { Key } from '../../core/key.ts'
import { toFsPath } from '../../core/text.ts'

/** Bytes that are read of each of two files at once. */
const PIECE_BYTES = 1024 * 1024

const { COPYFILE_EXCL, COPYFILE_FICLONE_FORCE, O_NOFOLLOW, O_RDONLY } = constants

/** A file on this machine, as the system has it. */
export interface Facts {
  /** Of the file system, and in it: two names of one file have both in common. */
  readonly dev: number
  readonly ino: number
  readonly links: number
  readonly size: number
  readonly mtimeMs: number
  readonly mode: number
  readonly uid: number
  readonly gid: number
}

/** Undefined for what is not there, or no plain file. Throws node's error. */
export async function factsOf(path: string): Promise<Facts | undefined> {
  try {
    const stat = await lstat(toFsPath(path))
    const { dev, ino, size, mtimeMs, mode, uid, gid } = stat
    return stat.isFile() ? { dev, ino, links: stat.nlink, size, mtimeMs, mode, uid, gid } : undefined
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return undefined
    throw error
  }
}

export const isOneFile = (a: Facts, b: Facts) => a.dev === b.dev && a.ino === b.ino

/** Whether a name could stand for the other without anybody seeing a change of owner or mode. */
export const isLikeFile = (a: Facts, b: Facts) => a.mode === b.mode && a.uid === b.uid && a.gid === b.gid

/**
 * Reads both to their ends: true when each byte is the same, and they have the key's checksum where
 * it has one. Throws node's error.
 */
export async function haveSameContent(one: string, other: string, key: Key, signal?: AbortSignal): Promise<boolean> {
  const checksum = checksumOf(key)
  const hasher = await checksum?.start()
  const a = await open(toFsPath(one), O_RDONLY | O_NOFOLLOW)
  try {
    const b = await open(toFsPath(other), O_RDONLY | O_NOFOLLOW)
    try {
      const [piece, same] = [Buffer.alloc(PIECE_BYTES), Buffer.alloc(PIECE_BYTES)]
      for (let at = 0; ; ) {
        signal?.throwIfAborted()
        const { bytesRead } = await a.read(piece, 0, PIECE_BYTES, at)
        if (bytesRead === 0) break
        for (let got = 0; got < bytesRead; ) {
          const next = await b.read(same, got, bytesRead - got, at + got)
          if (next.bytesRead === 0) return false
          got += next.bytesRead
        }
        if (!piece.subarray(0, bytesRead).equals(same.subarray(0, bytesRead))) return false
        hasher?.update(piece.subarray(0, bytesRead))
        at += bytesRead
      }
      if ((await b.stat()).size !== (await a.stat()).size) return false
      return checksum === undefined || hasher?.hex() === checksum.expected
    } finally {
      await b.close()
    }
  } finally {
    await a.close()
  }
}

/** Makes a file whose bytes lie where those of `from` do; false where the file system cannot. */
export async function cloneFile(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(toFsPath(from), toFsPath(to), COPYFILE_EXCL | COPYFILE_FICLONE_FORCE)
    return true
  } catch (error) {
    if (!/^(ENOTSUP|EOPNOTSUPP|ENOTTY|ENOSYS|EXDEV|EINVAL)$/.test(codeOf(error) ?? '')) throw error
    await rm(toFsPath(to), { force: true })
    return false
  }
}

/** Makes a second name of a file; false where it cannot have another one. */
export async function linkFile(from: string, to: string): Promise<boolean> {
  try {
    await link(toFsPath(from), toFsPath(to))
    return true
  } catch (error) {
    if (!/^(EMLINK|EXDEV|EPERM|ENOTSUP|EOPNOTSUPP)$/.test(codeOf(error) ?? '')) throw error
    return false
  }
}

/** Makes a copy with bytes of its own. */
export async function copyWhole(from: string, to: string): Promise<void> {
  await copyFile(toFsPath(from), toFsPath(to), COPYFILE_EXCL)
}

/**
 * Gives a file that was just made owner, mode and time of another one, and has it on the disk.
 * False when we may not.
 */
export async function makeAlike(path: string, { uid, gid, mode, mtimeMs }: Facts): Promise<boolean> {
  const file = await open(toFsPath(path), O_RDONLY | O_NOFOLLOW)
  try {
    const now = await file.stat()
    if (now.uid !== uid || now.gid !== gid) await file.chown(uid, gid)
    await file.chmod(mode & 0o7777)
    await file.utimes(mtimeMs / 1000, mtimeMs / 1000)
    await file.sync()
    return true
  } catch (error) {
    if (codeOf(error) !== 'EPERM') throw error
    return false
  } finally {
    await file.close()
  }
}
