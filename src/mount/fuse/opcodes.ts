/** What the kernel asks for. Source: linux/fuse.h, enum fuse_opcode. */
export const OPCODE = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  setattr: 4,
  readlink: 5,
  symlink: 6,
  mknod: 8,
  mkdir: 9,
  unlink: 10,
  rmdir: 11,
  rename: 12,
  link: 13,
  open: 14,
  read: 15,
  write: 16,
  statfs: 17,
  release: 18,
  fsync: 20,
  flush: 25,
  init: 26,
  opendir: 27,
  readdir: 28,
  releasedir: 29,
  fsyncdir: 30,
  create: 35,
  interrupt: 36,
  destroy: 38,
  batchForget: 42,
  readdirplus: 44,
  rename2: 45,
} as const

/** What we can. Source: linux/fuse.h, INIT request/reply flags. */
export const INIT_FLAG = {
  asyncRead: 1 << 0,
  doReaddirplus: 1 << 13,
  readdirplusAuto: 1 << 14,
  parallelDirops: 1 << 18,
  maxPages: 1 << 22,
  cacheSymlinks: 1 << 23,
} as const

/**
 * The same for a folder that can be written to, which others change as well: only what `open` says
 * is asked for with names, and files are emptied by it.
 */
export const WRITABLE_FLAG = {
  asyncRead: 1 << 0,
  atomicTruncate: 1 << 3,
  bigWrites: 1 << 5,
  maxPages: 1 << 22,
} as const

/** Of `open`: pages that the kernel has of the file are good still. */
export const KEEP_CACHE = 1 << 1

/** Of `rename2`: fails where there is something of that name. */
export const NO_REPLACE = 1

/** Numbers of Linux, by the names that node has for them. */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  EACCES: 13,
  EEXIST: 17,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENOSYS: 38,
  ENODATA: 61,
  ESTALE: 116,
} as const

/** What a request is answered with when it fails. */
export class FuseError extends Error {
  override readonly name = 'FuseError'
  readonly errno: number
  /** `code`: a name, or the number that the system gave. */
  constructor(code: keyof typeof ERRNO | number) {
    super(String(code))
    this.errno = typeof code === 'number' ? code : ERRNO[code]
  }
}
