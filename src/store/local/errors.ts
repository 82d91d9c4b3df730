import { codeOf, messageOf, StoreError, type StoreErrorKind } from '../../core/errors.ts'

const KINDS: Readonly<Record<string, StoreErrorKind>> = {
  ENOENT: 'missing',
  ENOTDIR: 'missing',
  EACCES: 'denied',
  EPERM: 'denied',
  EROFS: 'denied',
  ENOSPC: 'full',
  EDQUOT: 'full',
  EFBIG: 'full',
  EEXIST: 'conflict',
  ENOTEMPTY: 'conflict',
  ENAMETOOLONG: 'unsupported',
  EINVAL: 'unsupported',
  EISDIR: 'unsupported',
  EXDEV: 'unsupported',
  ENOTSUP: 'unsupported',
  EOPNOTSUPP: 'unsupported',
  ELOOP: 'unsupported',
  EAGAIN: 'transient',
  EBUSY: 'transient',
  EMFILE: 'transient',
  ENFILE: 'transient',
  ENOMEM: 'transient',
  EINTR: 'transient',
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EROFS: 'read-only file system',
  ENOSPC: 'no space left on device',
  EDQUOT: 'disk quota exceeded',
  ENAMETOOLONG: 'file name too long',
  ENOTDIR: 'a parent is not a directory',
  ENOTEMPTY: 'there is a directory with something in it already',
  EXDEV: 'it lies on another file system',
  EIO: 'input/output error',
}

/**
 * Turns an error of the operating system into a StoreError; what is none of its own (a source's
 * error) is passed on.
 */
export function localError(error: unknown, op: string, where: string): unknown {
  if (error instanceof StoreError) return error
  const code = codeOf(error)
  if (code === 'ABORT_ERR') return new StoreError({ kind: 'aborted', op, where, message: 'aborted', cause: error })
  if (code === undefined) return error
  return new StoreError({
    kind: KINDS[code] ?? 'unreachable',
    op,
    where,
    message: WORDS[code] ?? messageOf(error),
    cause: error,
  })
}

export function isAbsent(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}
