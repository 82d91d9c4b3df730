import { oneLine } from '../core/errors.ts'
import type { GitLabAddress } from './address.ts'
import { type Answer, type Call, nameOf } from './exchange.ts'
import { GitLabError, type GitLabErrorFields, type GitLabErrorKind } from './gitlab-error.ts'
import type { Token } from './token.ts'

/** The most of GitLab's own words that we repeat. Characters. */
const MAX_WORDS = 300

/**
 * The error for an answer that is no success. It is told in GitLab's own words where it has some.
 */
export function errorOf(call: Call, answer: Answer, address: GitLabAddress, token: Token): GitLabError {
  const { status, headers } = answer
  const said = wordsOf(answer)
  const { kind, message, ...more } = explain(answer, said)
  return new GitLabError({
    kind,
    where: nameOf(call, address),
    message: token.hideIn(message),
    status,
    requestId: requestIdOf(headers),
    ...more,
  })
}

export function requestIdOf(headers: Headers): string | undefined {
  const id = headers.get('x-request-id')
  return id === null || !/^[\w-]{1,64}$/.test(id) ? undefined : id
}

type Explained = Pick<GitLabErrorFields, 'kind' | 'message' | 'waitMs' | 'location'>

function explain(answer: Answer, said: string): Explained {
  const { status, headers } = answer
  const quoted = `${status}${said && `: ${said}`}`
  if (status >= 300 && status < 400) return explainRedirect(answer)
  if (status === 400) return { kind: kindOf400(said), message: quoted }
  if (status === 401) return explain401(said)
  if (status === 403) return explain403(said, quoted)
  if (status === 404) return explain404(said, quoted)
  if (status === 405) return { kind: 'moved', message: quoted }
  if (status === 409) return { kind: 'taken', message: quoted }
  if (status === 429) {
    const waitMs = waitOf(headers)
    const asked = waitMs === undefined ? '' : `; it asks to wait ${Math.ceil(waitMs / 1000)} s`
    return { kind: 'busy', message: `GitLab limits how often it may be asked (429)${asked}`, waitMs }
  }
  if (status >= 500) return { kind: 'failed', message: `GitLab, or a proxy before it, has trouble (${quoted})` }
  return { kind: 'unexpected', message: `does not answer as GitLab does (${quoted})` }
}

function kindOf400(said: string): GitLabErrorKind {
  if (said.includes('has already been taken')) return 'taken'
  if (/visibility/i.test(said)) return 'visibility'
  if (/namespace:? is not valid|permission to create/i.test(said)) return 'namespace'
  return 'refused'
}

function explain401(said: string): Explained {
  if (/expired/i.test(said)) return { kind: 'expired', message: 'the token has expired (401)' }
  if (/revoked/i.test(said)) return { kind: 'revoked', message: 'the token was revoked (401)' }
  return { kind: 'unknown', message: 'GitLab does not know the token (401)' }
}

function explain403(said: string, quoted: string): Explained {
  if (said.includes('insufficient_scope')) {
    return { kind: 'scope', message: 'the token may not do this: it needs the scope api (403)' }
  }
  if (/limit/i.test(said)) return { kind: 'limit', message: quoted }
  return { kind: 'forbidden', message: `the owner of the token may not do this (${quoted})` }
}

/**
 * Only GitLab's own words prove that nothing is there. A proxy, or another web server, says 404
 * too.
 */
function explain404(said: string, quoted: string): Explained {
  if (/^404 (Project|Group|Namespace) Not Found/.test(said)) return { kind: 'absent', message: quoted }
  const message = `does not answer as GitLab does (${quoted}): is its address right, and does no proxy decode %2F in paths?`
  return { kind: 'unexpected', message }
}

function explainRedirect({ status, headers }: Answer): Explained {
  const location = headers.get('location') ?? undefined
  const shown = location !== undefined && URL.canParse(location) ? new URL(location) : undefined
  const to = shown === undefined ? 'elsewhere' : `to ${shown.origin}${shown.pathname}`
  return {
    kind: 'moved',
    message: `sends us ${to} (${status}), which was not followed: is its address right?`,
    location: shown?.href,
  }
}

/** The four shapes of GitLab's errors, and what proxies say. One line. */
function wordsOf({ json, text, headers }: Answer): string {
  if (typeof json === 'object' && json !== null) {
    const { message, error, error_description: description } = json as Readonly<Record<string, unknown>>
    const parts = [message, error, description].map(flatten).filter((part) => part !== '')
    return shorten(parts.join(': '))
  }
  if (/html/i.test(headers.get('content-type') ?? '') || /^\s*</.test(text)) return 'a web page'
  return shorten(text)
}

/** `{path: ['a', 'b']}` as `path a, b`. */
function flatten(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (Array.isArray(value)) return value.map(flatten).join(', ')
  if (typeof value !== 'object') return String(value)
  return Object.entries(value)
    .map(([name, part]) => `${name} ${flatten(part)}`)
    .join('; ')
}

function shorten(text: string): string {
  const line = oneLine(text)
  return line.length > MAX_WORDS ? `${line.slice(0, MAX_WORDS)}…` : line
}

/**
 * Retry-After has seconds or a date (RFC 9110, 10.2.3); without it RateLimit-Reset has seconds
 * since 1970.
 */
function waitOf(headers: Headers): number | undefined {
  const after = headers.get('retry-after')
  if (after !== null && /^[0-9]+$/.test(after)) return Number(after) * 1000
  const until = after === null ? Number(headers.get('ratelimit-reset') ?? Number.NaN) * 1000 : Date.parse(after)
  return Number.isFinite(until) ? Math.max(0, until - Date.now()) : undefined
}
