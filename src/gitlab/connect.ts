import { parseGitLabUrl } from './address.ts'
import { getUser } from './calls.ts'
import { type ClientOptions, GitLabClient } from './client.ts'
import { findTokens, noToken, type TokenSearch } from './find-token.ts'
import { type GitLabError, isGitLabError } from './gitlab-error.ts'
import type { User } from './shapes.ts'

export type ConnectOptions = TokenSearch & Omit<ClientOptions, 'url' | 'token'>

/** A GitLab that knows us. */
export interface Connection {
  readonly client: GitLabClient
  readonly user: User
  /** Where the token came from. */
  readonly source: string
}

/**
 * Finds a token for a GitLab and asks whose it is. Throws ConfigError when there is none,
 * GitLabError when it is refused; both say where from.
 */
export async function connectGitLab(options: ConnectOptions): Promise<Connection> {
  let refused: GitLabError | undefined
  for await (const { token, source, isGuess } of findTokens(options)) {
    const client = new GitLabClient({ ...options, token })
    try {
      return { client, user: await getUser(client), source }
    } catch (error) {
      if (!isGitLabError(error, 'unknown', 'expired', 'revoked', 'scope')) throw error
      refused = error.saying(`${error.reason}; it came from ${source}`)
      if (!isGuess) throw refused
    }
  }
  throw refused ?? noToken(parseGitLabUrl(options.url, options))
}
