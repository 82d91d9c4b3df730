import { StoreError } from '../../core/errors.ts'
import { fillCredential } from '../../core/git-credential.ts'
import type { Answer } from '../common/http-client.ts'

export interface Login {
  readonly user: string
  readonly password: string
}

/** Who logs in to a server, before git's credential helpers are asked. */
export interface Logins {
  /** WEBDAV_USERNAME and WEBDAV_PASSWORD are for this server. */
  readonly environment: boolean
  /** Somebody keeps this for it. The environment counts more. */
  readonly kept?: Login | undefined
  /** Told with a refusal: why something that might help was not sent. */
  readonly notSent?: string
}

export interface AskedFor {
  /** The store's root. */
  readonly url: string
  readonly user: string | undefined
  readonly logins: Logins | undefined
  readonly env: NodeJS.ProcessEnv
}

/**
 * The header for a server that asks who we are (RFC 7617, in UTF-8): from WEBDAV_USERNAME and
 * WEBDAV_PASSWORD, as git-annex's own WebDAV remote names them, or what is kept, where these are
 * for the server; else from git's credential helpers. Undefined where none has anything. Throws
 * `denied` where the server would have the password in clear text, over a line on which others may
 * listen.
 */
export async function findAuthorization(
  { url, user, logins, env }: AskedFor,
  { op, where, signal }: { readonly op: string; readonly where: string; readonly signal: AbortSignal },
): Promise<string | undefined> {
  const root = new URL(url)
  if (root.protocol !== 'https:' && !isLoopback(root)) {
    const message = `${root.host} asks for a password, which is sent over TLS only: use ria+davs://`
    throw new StoreError({ kind: 'denied', op, where, message, sent: 'no' })
  }
  const { WEBDAV_USERNAME: username = user, WEBDAV_PASSWORD: password } = env
  if (logins?.environment && username && password) return basic(username, password)
  const kept = logins?.kept
  if (kept !== undefined && (user === undefined || user === kept.user)) return basic(kept.user, kept.password)
  const protocol = root.protocol.slice(0, -1)
  const question = { protocol, host: root.host, path: root.pathname.slice(1), username: user }
  const found = await fillCredential(question, { env, signal })
  return found && basic(found.username ?? user ?? '', found.password)
}

/** Whether the server takes a user and a password. */
export function asksForPassword({ status, response, redirected }: Answer): boolean {
  return status === 401 && !redirected && /(^|,)\s*basic\b/i.test(response.headers['www-authenticate'] ?? '')
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

/** Nobody else can listen on the way to this machine itself. */
function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname)
}
