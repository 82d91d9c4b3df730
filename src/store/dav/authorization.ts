import { StoreError } from '../../core/errors.ts'
import { fillCredential } from '../../core/git-credential.ts'
import type { Answer } from '../common/http-client.ts'
import { isLoopback } from './root.ts'

export interface AskedFor {
  /** The store's root. */
  readonly url: string
  readonly user: string | undefined
  readonly env: NodeJS.ProcessEnv
}

/**
 * The header for a server that asks who we are (RFC 7617, in UTF-8): from WEBDAV_USERNAME and
 * WEBDAV_PASSWORD, as git-annex's own WebDAV remote names them, else from git's credential helpers.
 * Undefined where neither has anything. Throws `denied` where the server would have the password in
 * clear text, over a line on which others may listen.
 */
export async function findAuthorization(
  { url, user, env }: AskedFor,
  { op, where, signal }: { readonly op: string; readonly where: string; readonly signal: AbortSignal },
): Promise<string | undefined> {
  const root = new URL(url)
  if (root.protocol !== 'https:' && !isLoopback(root)) {
    const message = `${root.host} asks for a password, which is sent over TLS only: use ria+davs://`
    throw new StoreError({ kind: 'denied', op, where, message, sent: 'no' })
  }
  const { WEBDAV_USERNAME: username = user, WEBDAV_PASSWORD: password } = env
  if (username && password) return basic(username, password)
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
