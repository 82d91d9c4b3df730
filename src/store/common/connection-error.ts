import { codeOf, messageOf, StoreError } from '../../core/errors.ts'
import { isProxyRefusal, type Route } from '../../core/web/route.ts'

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

/** OpenSSL's reasons when the other side sends anything but TLS. */
const NOT_TLS = /wrong version number|packet length too long|http request|unknown protocol|bad record type/i

/**
 * What node says of a certificate whose authority it does not know (tls: X509 certificate error
 * codes).
 */
const UNKNOWN_AUTHORITY = /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(GET_ISSUER|VERIFY).*)$/

/**
 * The first byte of a TLS record that tells of an error (RFC 8446, section 5.1): the answer to what
 * is not TLS.
 */
const TLS_ALERT = 0x15

const NEVER_CONNECTED = new Set(['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH'])

/**
 * The error for an exchange that did not come to an end: no connection, TLS, no HTTP, cut off.
 * `route`: how it was tried, where a proxy is set.
 */
export function connectionError(op: string, where: string, host: string, error: unknown, route?: Route): StoreError {
  if (isProxyRefusal(error)) {
    const kind = error.status === 407 || error.status === 403 ? 'denied' : 'unreachable'
    return new StoreError({
      kind,
      op,
      where,
      message: `cannot reach ${host}: ${error.message}`,
      sent: 'no',
      cause: error,
    })
  }
  // For a host with several addresses node gives an AggregateError, with the first one's code and
  // no message.
  const code = codeOf(error)
  const first = error instanceof AggregateError ? error.errors[0] : error
  const words = WORDS[code ?? ''] ?? wordsOfProtocol(code, first) ?? messageOf(first)
  return new StoreError({
    kind: 'unreachable',
    op,
    where,
    message: `cannot reach ${host}${route === undefined ? '' : ` ${route.words}`}: ${words}`,
    sent: NEVER_CONNECTED.has(code ?? '') ? 'no' : 'maybe',
    cause: error,
  })
}

/**
 * Words for a connection on which the other side spoke something else than was expected, or showed
 * a strange certificate.
 */
function wordsOfProtocol(code: string | undefined, error: unknown): string | undefined {
  const message = messageOf(error)
  if (code?.startsWith('HPE_')) {
    const { rawPacket } = error as { readonly rawPacket?: Uint8Array }
    if (rawPacket?.[0] === TLS_ALERT) return 'it speaks TLS at that port: the URL has to begin with https'
    return `what it answers is no HTTP (${message})`
  }
  if (UNKNOWN_AUTHORITY.test(code ?? '')) {
    const how = "SSL_CERT_FILE (for S3 also AWS_CA_BUNDLE), git's http.sslCAInfo or NODE_EXTRA_CA_CERTS can name a file"
    return `its certificate is from an authority that is not known here (${message}); ${how} with its certificate`
  }
  if (code === 'EPROTO' || code?.startsWith('ERR_SSL_')) {
    if (NOT_TLS.test(message)) return 'it does not speak TLS at that port: has the URL to begin with http?'
    const { reason } = error as { readonly reason?: unknown }
    return `TLS failed (${typeof reason === 'string' ? reason : message})`
  }
  return undefined
}
