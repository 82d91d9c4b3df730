import { oneLine } from '../core/errors.ts'

/**
 * What went wrong, as far as a caller must act differently on it.
 *
 * The token: `unknown`, `expired`, `revoked`, `scope` (it may not make such calls). The user:
 * `forbidden`, `limit` (has as many projects as allowed). The thing asked for: `absent` (or
 * invisible to this token: GitLab does not tell which), `moved`, `taken`, `namespace` (no such
 * namespace, or no right to create there), `visibility` (not allowed here), `refused` (any other
 * value that GitLab does not take). A project that is there: `foreign` (another dataset's),
 * `unmarked` (nobody's that we know), `deleting`, `archived`. The server: `busy` (rate limit),
 * `failed` (5xx), `unreachable`, `untrusted` (its certificate), `unexpected` (does not answer as
 * GitLab does). `aborted`: our own caller gave up.
 */
export type GitLabErrorKind =
  | 'unknown'
  | 'expired'
  | 'revoked'
  | 'scope'
  | 'forbidden'
  | 'limit'
  | 'absent'
  | 'moved'
  | 'taken'
  | 'namespace'
  | 'visibility'
  | 'refused'
  | 'foreign'
  | 'unmarked'
  | 'deleting'
  | 'archived'
  | 'busy'
  | 'failed'
  | 'unreachable'
  | 'untrusted'
  | 'unexpected'
  | 'aborted'

export interface GitLabErrorFields {
  readonly kind: GitLabErrorKind
  /** Method, host and path of the call, or the page of the project that it is about. */
  readonly where: string
  /** Without secrets; reads well after `where: `. */
  readonly message: string
  readonly status?: number | undefined
  /** GitLab's name for the request: its administrator finds it in the logs by that. */
  readonly requestId?: string | undefined
  /** `busy`: how long GitLab asked us to wait. */
  readonly waitMs?: number | undefined
  /** `moved`: where to. */
  readonly location?: string | undefined
  readonly cause?: unknown
}

/** The one error class of the calls to GitLab. Its message is a single line without secrets. */
export class GitLabError extends Error {
  override readonly name = 'GitLabError'
  readonly kind: GitLabErrorKind
  readonly where: string
  /** The message without `where` and the request's name. */
  readonly reason: string
  readonly status: number | undefined
  readonly requestId: string | undefined
  readonly waitMs: number | undefined
  readonly location: string | undefined

  constructor({ kind, where, message, status, requestId, waitMs, location, cause }: GitLabErrorFields) {
    super(oneLine(`${where}: ${message}${requestId === undefined ? '' : ` (request ${requestId})`}`), { cause })
    this.kind = kind
    this.where = where
    this.reason = oneLine(message)
    this.status = status
    this.requestId = requestId
    this.waitMs = waitMs
    this.location = location
  }

  /** The same error with other words for the reason. */
  saying(message: string): GitLabError {
    const { kind, where, status, requestId, waitMs, location } = this
    return new GitLabError({ kind, where, message, status, requestId, waitMs, location, cause: this })
  }
}

/** Whether an error is a GitLabError of one of these kinds; of any, when none is given. */
export function isGitLabError(error: unknown, ...kinds: readonly GitLabErrorKind[]): error is GitLabError {
  return error instanceof GitLabError && (kinds.length === 0 || kinds.includes(error.kind))
}
