import { messageOf, StoreError, type StoreErrorKind } from '../../core/errors.ts'
import { ConnectionLost } from './session.ts'

/** Status codes of SFTP version 3 (draft-ietf-secsh-filexfer-02, 7). */
const NO_SUCH_FILE = 2
const PERMISSION_DENIED = 3
const FAILURE = 4
const BAD_MESSAGE = 5
const OP_UNSUPPORTED = 8
/**
 * Of version 6 (draft-ietf-secsh-filexfer-13, 9.1); ProFTPD says it in version 3 too, where OpenSSH
 * says failure.
 */
const FILE_ALREADY_EXISTS = 11

const KINDS: Readonly<Record<number, readonly [StoreErrorKind, string]>> = {
  [NO_SUCH_FILE]: ['missing', 'no such file or directory'],
  [PERMISSION_DENIED]: ['denied', 'permission denied'],
  // OpenSSH's answer to all errors that the protocol has no word for; a name that is too long, for
  // one, is a bad message.
  [FAILURE]: ['denied', 'the server refused it (SFTP says only: failure)'],
  [BAD_MESSAGE]: ['unsupported', 'the server does not take that name or request (SFTP says: bad message)'],
  [OP_UNSUPPORTED]: ['unsupported', 'the server does not support the operation'],
  [FILE_ALREADY_EXISTS]: ['denied', 'the file exists already'],
}

/**
 * Turns an error of the SFTP session into a StoreError. What is neither the server's answer nor the
 * connection's end is passed on.
 */
export function sftpError(error: unknown, op: string, where: string): unknown {
  if (error instanceof StoreError) {
    if (error.op !== 'sftp') return error
    return new StoreError({ kind: error.kind, op, where, message: error.reason, sent: error.sent })
  }
  if (error instanceof ConnectionLost) {
    return new StoreError({ kind: 'unreachable', op, where, message: error.message, cause: error })
  }
  const status = statusOf(error)
  if (status !== undefined) {
    const [kind, message] = KINDS[status] ?? ['denied', `SFTP status ${status}: ${messageOf(error)}`]
    return new StoreError({ kind, op, where, message, cause: error })
  }
  if (isUnsupportedExtension(error)) {
    return new StoreError({ kind: 'unsupported', op, where, message: messageOf(error), sent: 'no', cause: error })
  }
  return error
}

/** True when the server said that the file, or a directory on the way to it, does not exist. */
export function isNoSuchFile(error: unknown): boolean {
  return statusOf(error) === NO_SUCH_FILE
}

export function isPermissionDenied(error: unknown): boolean {
  return statusOf(error) === PERMISSION_DENIED
}

/**
 * True for SFTP's catch-all (the file exists already, the disk is full, …), and where a server says
 * which of them it is.
 */
export function isFailure(error: unknown): boolean {
  return [FAILURE, FILE_ALREADY_EXISTS].includes(statusOf(error) ?? -1)
}

export function isUnsupported(error: unknown): boolean {
  return statusOf(error) === OP_UNSUPPORTED || isUnsupportedExtension(error)
}

function isUnsupportedExtension(error: unknown): boolean {
  return error instanceof Error && error.message === 'Server does not support this extended request'
}

function statusOf(error: unknown): number | undefined {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined
  return typeof code === 'number' ? code : undefined
}
