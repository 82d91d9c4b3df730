import * as fs from 'node:fs'
import { promisify } from 'node:util'
import { codeOf } from './errors.ts'
import { hasSlowMountBelow } from './process/mounts.ts'
import { decode } from './text.ts'

/** Where Linux has the files that this process has open, by number. */
export const DESCRIPTORS = '/proc/self/fd'

/**
 * Whether what is open can be named by its number, which no exchange of names can lead elsewhere.
 * Not where there is no /proc: on macOS, and in some containers.
 */
export const NAMES_DESCRIPTORS = process.platform === 'linux' && fs.existsSync(DESCRIPTORS)

type Path = string | Buffer
export type Soon<T> = T | Promise<T>

/**
 * The file system calls that we make. A call that answers at once saves the way through node's
 * thread pool, which costs more than the call itself on a disk of this machine; `await` takes both.
 * Errors are node's own.
 */
export interface Files {
  open(path: Path, flags: string | number, mode?: number): Soon<number>
  close(fd: number): Soon<void>
  fstat(fd: number): Soon<fs.Stats>
  fchmod(fd: number, mode: number): Soon<void>
  fchown(fd: number, uid: number, gid: number): Soon<void>
  ftruncate(fd: number, length: number): Soon<void>
  stat(path: Path): Soon<fs.Stats>
  /** Of the name itself, be it a link; undefined when there is no such name. */
  lstat(path: Path): Soon<fs.Stats | undefined>
  /** What a symbolic link says, decoded by text.ts. */
  readlink(path: Path): Soon<string>
  /** Decoded by text.ts. */
  realpath(path: Path): Soon<string>
  chmod(path: Path, mode: number): Soon<void>
  rename(from: Path, to: Path): Soon<void>
  link(from: Path, to: Path): Soon<void>
  unlink(path: Path): Soon<void>
  mkdir(path: Path, mode: number): Soon<void>
  rmdir(path: Path): Soon<void>
  openDirectory(path: Path): Soon<OpenDirectory>
  /** Resolves with the number of bytes read, 0 at the end of the file. */
  read(fd: number, buffer: Uint8Array, length: number, position: number): Soon<number>
  /** Resolves with the number of bytes written. */
  write(fd: number, buffer: Uint8Array, offset: number, position: number): Soon<number>
  /** For what is small or was flushed before: see `fdatasync`. */
  fsync(fd: number): Soon<void>
  /** Whether short calls are done when they return, `fsync` too, as long as the disk is fast. */
  readonly flushesAtOnce: boolean
  /** Flushes at once. False, and nothing is flushed, where that is `fsync`'s to do. */
  fsyncAtOnce(fd: number): boolean
  fdatasync(fd: number): Promise<void>
}

/** A directory that is being read. */
export interface OpenDirectory {
  /** The next name in it, as bytes, for it need not be UTF-8; null at the end. */
  read(): Soon<{ readonly name: Buffer; isDirectory(): boolean } | null>
  close(): Soon<void>
}

/** Names are read from the system so many at once. */
const DIRECTORY_OPTIONS = { encoding: 'buffer' as BufferEncoding, bufferSize: 256 }

const AS_BYTES = { encoding: 'buffer' } as const

/** Node's types do not know that `buffer` gives Buffers. */
function withBytes(entry: fs.Dirent | null) {
  return entry as unknown as { readonly name: Buffer; isDirectory(): boolean } | null
}

/** A parent that is a file is no reason to doubt that there is nothing below it. */
function absentOrThrow(error: unknown): undefined {
  const code = codeOf(error)
  if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error
}

const readAsync = promisify(fs.read)
const writeAsync = promisify(fs.write)

/**
 * For file systems that may stop answering (network, FUSE): nothing here blocks the process, so a
 * stall can be noticed and told.
 */
export const patientFiles: Files = {
  open: promisify(fs.open),
  close: promisify(fs.close),
  fstat: promisify(fs.fstat),
  fchmod: promisify(fs.fchmod),
  fchown: promisify(fs.fchown),
  ftruncate: promisify(fs.ftruncate),
  stat: promisify(fs.stat),
  lstat: async (path) => {
    try {
      return await fs.promises.lstat(path)
    } catch (error) {
      return absentOrThrow(error)
    }
  },
  readlink: async (path) => decode(await fs.promises.readlink(path, AS_BYTES)),
  realpath: async (path) => decode(Buffer.from(await fs.promises.realpath(path, AS_BYTES))),
  chmod: promisify(fs.chmod),
  rename: promisify(fs.rename),
  link: promisify(fs.link),
  unlink: promisify(fs.unlink),
  mkdir: promisify<Path, number, void>(fs.mkdir),
  rmdir: promisify<Path, void>(fs.rmdir),
  openDirectory: async (path) => {
    const directory = await fs.promises.opendir(path as string, DIRECTORY_OPTIONS)
    return { read: async () => withBytes(await directory.read()), close: () => directory.close() }
  },
  read: async (fd, buffer, length, position) => (await readAsync(fd, buffer, 0, length, position)).bytesRead,
  write: async (fd, buffer, offset, position) =>
    (await writeAsync(fd, buffer, offset, buffer.length - offset, position)).bytesWritten,
  fsync: promisify(fs.fsync),
  flushesAtOnce: false,
  fsyncAtOnce: () => false,
  fdatasync: promisify(fs.fdatasync),
}

/** More than this may wait for the disk, and other jobs shall go on meanwhile. Bytes. */
export const AT_ONCE_BYTES = 64 * 1024

const flushes = flushAtOnceIfFast()

/**
 * For disks of this machine: only what may take long, flushing and large transfers, goes through
 * the thread pool.
 */
export const diskFiles: Files = {
  open: fs.openSync,
  close: fs.closeSync,
  fstat: (fd) => fs.fstatSync(fd),
  fchmod: fs.fchmodSync,
  fchown: fs.fchownSync,
  ftruncate: fs.ftruncateSync,
  stat: (path) => fs.statSync(path),
  lstat: (path) => {
    try {
      return fs.lstatSync(path, { throwIfNoEntry: false })
    } catch (error) {
      return absentOrThrow(error)
    }
  },
  readlink: (path) => {
    const text = fs.readlinkSync(path)
    return text.includes('\ufffd') ? decode(fs.readlinkSync(path, AS_BYTES)) : text
  },
  realpath: (path) => decode(fs.realpathSync.native(path, AS_BYTES)),
  chmod: fs.chmodSync,
  rename: fs.renameSync,
  link: fs.linkSync,
  unlink: fs.unlinkSync,
  mkdir: (path, mode) => {
    fs.mkdirSync(path, mode)
  },
  rmdir: (path) => fs.rmdirSync(path),
  openDirectory: (path) => {
    const directory = fs.opendirSync(path as string, DIRECTORY_OPTIONS)
    return { read: () => withBytes(directory.readSync()), close: () => directory.closeSync() }
  },
  read: (fd, buffer, length, position) =>
    length <= AT_ONCE_BYTES
      ? fs.readSync(fd, buffer, 0, length, position)
      : patientFiles.read(fd, buffer, length, position),
  write: (fd, buffer, offset, position) =>
    buffer.length - offset <= AT_ONCE_BYTES
      ? fs.writeSync(fd, buffer, offset, buffer.length - offset, position)
      : patientFiles.write(fd, buffer, offset, position),
  fsync: flushes.fsync,
  get flushesAtOnce() {
    return flushes.isFast()
  },
  fsyncAtOnce: flushes.fsyncAtOnce,
  fdatasync: patientFiles.fdatasync,
}

/** A flush that takes longer than this is not waited for by all jobs. ms. */
const FAST_FLUSH_MS = 1

/**
 * Flushes small files and directories directly while the disk does that faster than the thread pool
 * hands a call over; a disk that was slow gets its calls through the pool for a while.
 */
function flushAtOnceIfFast(): Pick<Files, 'fsync' | 'fsyncAtOnce'> & { isFast: () => boolean } {
  let slowCalls = 0
  const isFast = () => slowCalls === 0
  const fsyncAtOnce = (fd: number) => {
    if (!isFast()) return false
    const start = performance.now()
    fs.fsyncSync(fd)
    if (performance.now() - start > FAST_FLUSH_MS) slowCalls = 100
    return true
  }
  const fsync = (fd: number) => {
    if (fsyncAtOnce(fd)) return
    slowCalls -= 1
    return patientFiles.fsync(fd)
  }
  return { fsync, fsyncAtOnce, isFast }
}

/**
 * Magic numbers of statfs(2) of file systems that lie on a disk, or in the memory, of this machine.
 */
const ON_DISK = new Set([
  0xef53, // ext2, ext3, ext4
  0x58465342, // xfs
  0x9123683e, // btrfs
  0x01021994, // tmpfs
  0x2fc12fc1, // zfs
  0xf2f52010, // f2fs
  0xca451a4e, // bcachefs
  0x794c7630, // overlayfs
])

/**
 * The calls that suit the file system of a path, and those that are mounted below it. A path that
 * cannot be looked at gets the patient ones.
 */
export async function filesFor(path: Path): Promise<Files> {
  const type = await fs.promises.statfs(path).then(
    (stats) => stats.type,
    () => 0,
  )
  return ON_DISK.has(type) && !(await hasSlowMountBelow(path)) ? diskFiles : patientFiles
}

/** Whether a path is on a disk of this machine alone. Throws node's error. */
export function isOnDisk(path: Path): boolean {
  return ON_DISK.has(fs.statfsSync(path).type)
}

/** Large enough for few system calls, small enough for many jobs at once. */
export const FILE_CHUNK_BYTES = 512 * 1024

/**
 * Reads `[start, end)` of an open file, to its end at most. While the receiver has a chunk the next
 * one is read. The same buffers are given again and again: the last `held` chunks are the
 * receiver's until it asks for the next, one in most cases.
 */
export async function* readDescriptor(
  files: Files,
  fd: number,
  start: number,
  end: number,
  signal?: AbortSignal,
  { chunkBytes = FILE_CHUNK_BYTES, held = 1 }: { readonly chunkBytes?: number; readonly held?: number } = {},
): AsyncGenerator<Uint8Array, void, void> {
  const buffers: Buffer[] = []
  const read = async (turn: number, position: number) => {
    const length = Math.max(1, Math.min(chunkBytes, end - position))
    const at = turn % (held + 1)
    const buffer = buffers[at] ?? Buffer.allocUnsafe(length) // none later is longer
    buffers[at] = buffer
    return buffer.subarray(0, await files.read(fd, buffer, length, position))
  }
  let position = start
  let next = position < end ? read(0, position) : undefined
  try {
    for (let turn = 1; next !== undefined; turn++) {
      signal?.throwIfAborted()
      const chunk = await next
      next = undefined
      if (chunk.length === 0) return
      position += chunk.length
      if (position < end) {
        next = read(turn, position)
        next.catch(() => {}) // told when its turn comes
      }
      yield chunk
    }
  } finally {
    await next?.catch(() => {}) // the file is not closed while it is read
  }
}

/** Writes the whole chunk at `position`. */
export async function writeFully(files: Files, fd: number, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.length; ) done += await files.write(fd, chunk, done, position + done)
}
