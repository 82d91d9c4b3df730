/** What the kernel asks for. Source: linux/fuse.h, enum fuse_opcode. */
export const OPCODE = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  readlink: 5,
  open: 14,
  read: 15,
  statfs: 17,
  release: 18,
  init: 26,
  opendir: 27,
  readdir: 28,
  releasedir: 29,
  interrupt: 36,
  destroy: 38,
  batchForget: 42,
  readdirplus: 44,
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

/** Of `open`: pages that the kernel has of the file are good still. */
export const KEEP_CACHE = 1 << 1

/** Numbers of Linux, by the names that node has for them. */
export const ERRNO = {
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  EACCES: 13,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  ENOSYS: 38,
  ENODATA: 61,
} as const

/** What a request is answered with when it fails. */
export class FuseError extends Error {
  override readonly name = 'FuseError'
  readonly errno: number
  constructor(code: keyof typeof ERRNO) {
    super(code)
    this.errno = ERRNO[code]
  }
}
