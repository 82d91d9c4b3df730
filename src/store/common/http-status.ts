import { StoreError, type StoreErrorKind } from '../../core/errors.ts'

/**
 * Answers that do not mean what was asked (RFC 9110, section 15). 404 and 410 are no failure of a
 * `stat`.
 */
const KINDS: Readonly<Record<number, StoreErrorKind>> = {
  401: 'denied',
  403: 'denied',
  404: 'missing',
  407: 'denied',
  408: 'transient',
  410: 'missing',
  412: 'conflict',
  423: 'transient',
  425: 'transient',
  429: 'transient',
  500: 'transient',
  502: 'transient',
  503: 'transient',
  504: 'transient',
  507: 'full',
  511: 'denied',
}

export function isAbsentStatus(status: number | undefined): boolean {
  return status === 404 || status === 410
}

/**
 * The error for an answer that we cannot use. `host` is who gave it: not the store's own after a
 * redirect.
 */
export function statusError(
  op: string,
  where: string,
  host: string,
  status: number | undefined,
  phrase: string | undefined,
): StoreError {
  const kind = KINDS[status ?? 0] ?? 'unsupported'
  return new StoreError({ kind, op, where, message: `${host} answered ${status} ${phrase ?? ''}`, sent: 'maybe' })
}
