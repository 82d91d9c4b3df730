import { ConfigError } from '../core/errors.ts'
import { type GitLabAddress, parseGitLabUrl } from './address.ts'
import { gitCredential } from './git-credential.ts'
import { pythonGitLabToken } from './python-gitlab.ts'
import { Token } from './token.ts'

export interface TokenSearch {
  readonly url: string
  readonly env: NodeJS.ProcessEnv
  /** Directory whose git configuration counts for credential helpers. */
  readonly cwd?: string | undefined
  readonly allowHttp?: boolean | undefined
  /**
   * The address came with a dataset, not from the user or their administrator: then GITLAB_TOKEN,
   * which belongs to no host, is not sent there.
   */
  readonly isUrlFromDataset?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly tell?: ((line: string) => void) | undefined
  /** Instead of /etc/python-gitlab.cfg. */
  readonly systemFile?: string
}

export interface FoundToken {
  readonly token: Token
  /** Where it came from, for messages. */
  readonly source: string
  /**
   * It was meant for git, and perhaps never for the API: if it is refused there, the next is worth
   * a try.
   */
  readonly isGuess: boolean
}

/**
 * The tokens that there are for a GitLab, the one to be preferred first: `GITLAB_TOKEN`, what git's
 * credential helpers have, python-gitlab's configuration file. Each is looked for only when it is
 * asked for. Throws ConfigError.
 */
export async function* findTokens(search: TokenSearch): AsyncGenerator<FoundToken> {
  const { env, tell, isUrlFromDataset = false } = search
  const address = parseGitLabUrl(search.url, search)
  const { GITLAB_TOKEN } = env
  if (GITLAB_TOKEN && isUrlFromDataset) {
    tell?.(`GITLAB_TOKEN is not sent to ${address.host}: only the dataset names that GitLab`)
  } else if (GITLAB_TOKEN) {
    yield { token: new Token(GITLAB_TOKEN, 'GITLAB_TOKEN'), source: 'GITLAB_TOKEN', isGuess: false }
    return
  }
  const credential = await gitCredential(address, search)
  if (credential !== undefined) yield { token: credential, source: "git's credential helper", isGuess: true }
  const found = await pythonGitLabToken(address, search)
  if (found !== undefined) yield { ...found, isGuess: false }
}

/** The error of a search that found nothing. */
export function noToken({ host }: GitLabAddress): ConfigError {
  const how = 'set GITLAB_TOKEN, store one with git credential approve, or put one into ~/.python-gitlab.cfg'
  return new ConfigError(`there is no access token for ${host}: ${how} (scope api)`)
}
