import { codeOf, messageOf, StoreError, type StoreErrorKind } from '../core/errors.ts'

/** Answers that do not mean what was asked (RFC 9110, section 15). 404 and 410 are no failure of a `stat`. */
const KINDS: Readonly<Record<number, StoreErrorKind>> = {
  401: 'denied',
  403: 'denied',
  404: 'missing',
  407: 'denied',
  408: 'transient',
  410: 'missing',
  412: 'conflict',
  425: 'transient',
  429: 'transient',
  500: 'transient',
  502: 'transient',
  503: 'transient',
  504: 'transient',
  511: 'denied',
}

export function isAbsentStatus(status: number | undefined): boolean {
  return status === 404 || status === 410
}

/** The error for an answer that we cannot use. `host` is who gave it: not the store's own after a redirect. */
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

/** Words for the errors of node's net, dns, tls and http modules that people meet. */
const WORDS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'its name cannot be looked up now',
  ECONNREFUSED: 'it refused the connection',
  ECONNRESET: 'it closed the connection',
  EPIPE: 'it closed the connection',
  ETIMEDOUT: 'it did not answer',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to its network',
}

const NEVER_CONNECTED = new Set(['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH'])

/** The error for an exchange that did not come to an end: no connection, TLS, no HTTP, cut off. */
export function connectionError(op: string, where: string, host: string, error: unknown): StoreError {
  // For a host with several addresses node gives an AggregateError, with the first one's code and no message.
  const code = codeOf(error)
  const first = error instanceof AggregateError ? error.errors[0] : error
  const words = WORDS[code ?? ''] ?? messageOf(first)
  return new StoreError({
    kind: 'unreachable',
    op,
    where,
    message: `cannot reach ${host}: ${words}`,
    sent: NEVER_CONNECTED.has(code ?? '') ? 'no' : 'maybe',
    cause: error,
  })
}
