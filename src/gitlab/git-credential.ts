import { fillCredential } from '../core/git-credential.ts'
import type { GitLabAddress } from './address.ts'
import { isTokenLike, Token } from './token.ts'

export interface CredentialOptions {
  readonly env: NodeJS.ProcessEnv
  /** Whose git configuration counts. */
  readonly cwd?: string | undefined
  readonly signal?: AbortSignal | undefined
  readonly limitMs?: number
}

/**
 * What git's credential helpers have for a GitLab, as its password; undefined when they have
 * nothing. They are never told that it was refused: what does not open the API may still open the
 * repositories.
 */
export async function gitCredential({ url }: GitLabAddress, options: CredentialOptions): Promise<Token | undefined> {
  const { protocol, host } = new URL(url)
  const credential = await fillCredential({ protocol: protocol.slice(0, -1), host }, options)
  // One with spaces, say, is a password that a person chose.
  if (credential === undefined || !isTokenLike(credential.password)) return undefined
  return new Token(credential.password, "git's credential helper")
}
