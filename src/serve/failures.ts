import { ConfigError, isStoreError, messageOf } from '../core/errors.ts'

/** What is answered instead of what was asked for. */
export interface Failure {
  readonly status: 400 | 401 | 403 | 404 | 429 | 500 | 502 | 503
  /** One line, without secrets. */
  readonly message: string
}

/** The client may ask again after so long. s. */
export const RETRY_AFTER_S = 30

/** Proven absent: nothing else may be answered with this, for clients take it for proof. */
export const ABSENT: Failure = { status: 404, message: 'there is no such thing here' }

/** Who asks may not have it. Whether it is there is not told, and was not looked at. */
export class NotLetInError extends Error {
  readonly status: 401 | 403 | 503

  constructor(status: 401 | 403 | 503) {
    super(NOT_LET_IN[status])
    this.status = status
  }
}

const NOT_LET_IN = {
  401: 'this wants a token that is good: it was given none, or it has expired or was revoked',
  403: 'there is nothing here that you may read',
  503: 'the file that says who may read what cannot be read',
} as const

/**
 * What an error is answered with; never 404. What could not be looked up may be there, and can be
 * asked for again.
 */
export function failureOf(error: unknown): Failure {
  const message = messageOf(error)
  if (error instanceof NotLetInError) return { status: error.status, message }
  if (error instanceof ConfigError) return { status: 400, message }
  // Here nothing is at fault but the copy in the store.
  if (isStoreError(error, 'corrupt', 'unsupported')) return { status: 502, message }
  if (isStoreError(error, 'denied')) return { status: 403, message: 'the store does not let this server read it' }
  if (isStoreError(error, 'missing', 'unreachable', 'transient', 'conflict', 'aborted', 'full')) {
    return { status: 503, message }
  }
  return { status: 500, message: 'this server failed' }
}
