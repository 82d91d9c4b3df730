import { abortedError } from '../../core/abort.ts'
import { ConfigError, codeOf, messageOf, oneLine, StoreError, type StoreErrorKind } from '../../core/errors.ts'
import { isProxyRefusal, type Route } from '../../core/web/route.ts'
import { connectionError } from '../common/connection-error.ts'
import { AnswerTooLong } from './answers.ts'

/** The server that is asked, for messages. */
export interface S3Server {
  /** With its port. */
  readonly host: string
  readonly bucket: string
  /** No credentials were found. */
  readonly anonymous: boolean
  /** How it is asked, where a proxy is set. */
  readonly route?: Route | undefined
  /** Why none were looked for. */
  readonly unsigned?: string | undefined
}

/** What a server answered that did not do what it was asked, as far as the SDK tells. */
export interface Refusal {
  readonly status: number
  /**
   * S3's own word (`NoSuchKey`), undefined where the answer had none: to HEAD, and from what is no
   * S3 server.
   */
  readonly code: string | undefined
  readonly headers: Readonly<Record<string, string>>
  /** The region that the answer names as the right one. */
  readonly region: string | undefined
  /** What the server says to people, as it came. */
  readonly message?: string | undefined
}

type Words = string | ((server: S3Server, refusal: Refusal) => string)
type Meaning = readonly [kind: StoreErrorKind, words: Words, sent?: 'no' | 'maybe']

const wrongRegion: Words = ({ bucket }, { region, headers }) => {
  const right = region ?? headers['x-amz-bucket-region']
  return `the bucket ${bucket} is in another region${right ? `: set AWS_REGION=${right}` : ', or at another address'}`
}
const expired: Words = 'the session token of the AWS credentials has expired: get new ones'
const clock: Words = ({ host }) => `the clocks of this computer and of ${host} differ by more than it allows`
const busy: Words = ({ host }, { code }) => `${host} asks to come back later (${code})`
const arrivedDamaged: Words = ({ host }, { code }) => `the content arrived damaged at ${host} (${code})`
const badName: Words = ({ host }, { code }) => `${host} does not take that name (${code})`
const tooLarge: Words = ({ host }, { status, code = status }) =>
  `${host} takes no request of that size (${code}): partsize (5MiB at least) has to be below what it, or a proxy before it, allows`
const full: Words = ({ host }, { code }) => `no space or quota is left at ${host} (${code})`
const denied: Words = ({ host, anonymous, unsigned }, { status, code = status }) =>
  `${host} denies access (${code})${anonymous ? `, and ${unsigned ?? 'no AWS credentials were found'}` : ''}`

/**
 * S3's error codes that mean something to our callers (Amazon S3 API Reference, Error responses).
 * An error is a refusal: the server did not act, unless a 5xx says that it does not know.
 */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  NoSuchKey: ['missing', 'no such object'],
  NoSuchBucket: ['denied', ({ host, bucket }) => `there is no bucket ${bucket} at ${host}`],
  InvalidBucketName: ['denied', ({ host, bucket }) => `${host} says that no bucket can be named ${bucket}`],
  AccessDenied: ['denied', denied],
  AllAccessDisabled: ['denied', denied],
  AccountProblem: ['denied', denied],
  InvalidAccessKeyId: ['denied', ({ host }) => `${host} does not know the access key (InvalidAccessKeyId)`],
  SignatureDoesNotMatch: ['denied', 'the secret key does not belong to the access key (SignatureDoesNotMatch)'],
  ExpiredToken: ['denied', expired],
  ExpiredTokenException: ['denied', expired],
  TokenRefreshRequired: ['denied', expired],
  InvalidToken: [
    'denied',
    ({ host }) => `${host} does not take the session token of the AWS credentials (InvalidToken)`,
  ],
  // The SDK learns the server's time from the answer: the next try is signed with that.
  RequestTimeTooSkewed: ['transient', clock, 'no'],
  RequestExpired: ['transient', clock, 'no'],
  PermanentRedirect: ['denied', wrongRegion],
  AuthorizationHeaderMalformed: ['denied', wrongRegion],
  IllegalLocationConstraintException: ['denied', wrongRegion],
  TemporaryRedirect: ['transient', busy],
  SlowDown: ['transient', busy, 'no'],
  SlowDownRead: ['transient', busy, 'no'],
  SlowDownWrite: ['transient', busy, 'no'],
  RequestLimitExceeded: ['transient', busy, 'no'],
  ServiceUnavailable: ['transient', busy],
  InternalError: ['transient', busy],
  RequestTimeout: ['transient', busy],
  OperationAborted: ['transient', busy, 'no'],
  ConditionalRequestConflict: ['transient', busy, 'no'],
  IncompleteBody: ['transient', arrivedDamaged, 'no'],
  BadDigest: ['transient', arrivedDamaged, 'no'],
  XAmzContentSHA256Mismatch: ['transient', arrivedDamaged, 'no'],
  NoSuchUpload: ['transient', 'somebody else ended the upload'],
  PreconditionFailed: ['conflict', 'there is a file already'],
  QuotaExceeded: ['full', full],
  InsufficientCapacity: ['full', full],
  XMinioStorageFull: ['full', full],
  InvalidObjectState: [
    'unsupported',
    'it lies in cold storage: it has to be restored before it can be read (riastore thaw)',
  ],
  NotImplemented: ['unsupported', ({ host }) => `${host} cannot do that (NotImplemented)`, 'no'],
  EntityTooLarge: ['unsupported', tooLarge],
  KeyTooLongError: ['unsupported', badName],
  InvalidObjectName: ['unsupported', badName],
  InvalidURI: ['unsupported', badName],
}

/** For answers without a code that we know. */
const STATUS: Readonly<Record<number, Meaning>> = {
  301: ['denied', wrongRegion],
  307: ['transient', ({ host }) => `${host} sends us elsewhere for now (307)`],
  401: ['denied', denied],
  403: ['denied', denied],
  408: ['transient', ({ host }) => `${host} waited for us too long (408)`],
  409: ['transient', ({ host }, { code }) => `something else is being done to it at ${host} (409 ${code ?? ''})`],
  412: ['conflict', 'there is a file already'],
  413: ['unsupported', tooLarge],
  429: ['transient', ({ host }) => `${host} asks to come back later (429)`],
  501: ['unsupported', ({ host }) => `${host} cannot do that (501)`, 'no'],
  507: ['full', ({ host }) => `no space is left at ${host} (507)`],
}

/** A refusal that did not come by way of the SDK. */
export class Refused extends Error {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(`${refusal.status} ${refusal.code ?? ''}`)
    this.refusal = refusal
  }
}

/** What the server refused with, or undefined where no answer came. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refused) return error.refusal
  if (!(error instanceof Error) || error instanceof AnswerTooLong) return undefined
  const { $metadata, $response, Code, Region, message } = error as SdkError
  const status = $metadata?.httpStatusCode ?? $response?.statusCode
  if (status === undefined) return undefined
  return { status, code: Code, headers: $response?.headers ?? {}, region: Region, message }
}

/** The parts of the SDK's errors that we read. */
interface SdkError extends Error {
  readonly $metadata?: { readonly httpStatusCode?: number }
  readonly $response?: { readonly statusCode?: number; readonly headers?: Record<string, string> }
  /** From the error's XML; HEAD has none. */
  readonly Code?: string
  readonly Region?: string
}

/**
 * Turns whatever the SDK threw into a StoreError that holds no secret. StoreErrors are passed on.
 */
export function s3Error(op: string, where: string, server: S3Server, error: unknown, signal: AbortSignal): StoreError {
  if (error instanceof StoreError) return error
  if (signal.aborted) return abortedError(op, where, signal)
  const refusal = refusalOf(error)
  if (refusal !== undefined) return refusalError(op, where, server, refusal)
  if (error instanceof Error && /^(CredentialsProvider|TokenProvider|Provider)Error$/.test(error.name)) {
    return credentialsError(op, where, error)
  }
  if (error instanceof URIError) {
    return new StoreError({ kind: 'unsupported', op, where, message: 'S3 has no such names', sent: 'no' })
  }
  if (error instanceof AnswerTooLong) {
    return new StoreError({ kind: 'unsupported', op, where, message: `${server.host}: ${error.message}` })
  }
  if (error instanceof ConfigError) throw error
  return connectionError(op, where, server.host, isProxyRefusal(error) ? error : plain(error), server.route)
}

/** The error for an answer that says no. An answer that no S3 server gives is `unsupported`. */
export function refusalError(op: string, where: string, server: S3Server, refusal: Refusal): StoreError {
  const { status, code } = refusal
  const sent = status >= 500 ? 'maybe' : 'no'
  const known = code === undefined ? STATUS[status] : Object.hasOwn(MEANINGS, code) ? MEANINGS[code] : STATUS[status]
  if (known !== undefined) {
    const [kind, words, certainly = sent] = known
    const message = typeof words === 'string' ? words : words(server, refusal)
    return new StoreError({ kind, op, where, message, sent: certainly })
  }
  if (status < 300 || (status < 500 && code === undefined)) return notS3(op, where, server, `${status}`)
  const kind = status >= 500 ? 'transient' : 'unsupported'
  const message = `${server.host} answered ${status} ${code ?? ''}${ownWords(refusal)}`
  return new StoreError({ kind, op, where, message, sent })
}

/**
 * The server's own sentence, where we have none for what it means. It may repeat what was sent: no
 * long words of it.
 */
function ownWords({ message = '' }: Refusal): string {
  const words = oneLine(message.replace(/\p{Cc}+/gu, ' ')).replace(/\S{100,}/g, '…')
  return words === '' || words === 'UnknownError' ? '' : `: ${words.slice(0, 300)}`
}

/** The error for an answer that no S3 server gives: a web console, a proxy, a captive portal. */
export function notS3(op: string, where: string, { host }: S3Server, what: string): StoreError {
  const message = `${host} does not answer like an S3 server (${what}): is that the address of the S3 service?`
  return new StoreError({ kind: 'unsupported', op, where, message })
}

/**
 * What the SDK's credential providers say names profiles and files; a failed `credential_process`
 * repeats its command line.
 */
function credentialsError(op: string, where: string, error: Error): StoreError {
  const reason = /^Command failed/.test(error.message) ? 'the credential_process failed' : messageOf(error)
  return new StoreError({
    kind: 'denied',
    op,
    where,
    message: `no AWS credentials could be got: ${reason}`,
    sent: 'no',
  })
}

/**
 * An error that holds nothing of the request: its headers have the signature and the session token.
 */
function plain(error: unknown): Error {
  const code = codeOf(error) ?? (error instanceof AggregateError ? codeOf(error.errors[0]) : undefined)
  const { reason, rawPacket } = error as { readonly reason?: unknown; readonly rawPacket?: Uint8Array }
  return Object.assign(
    new Error(messageOf(error)),
    code && { code },
    typeof reason === 'string' && { reason },
    rawPacket && { rawPacket: rawPacket.subarray(0, 1) },
  )
}
