import type { GitLabAddress } from './address.ts'
import { askHelper } from './helper-program.ts'
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
 * nothing. Nobody is asked: neither by git, nor, as far as they can be told, by the helpers. They
 * are never told that it was refused: what does not open the API may still open the repositories.
 */
export async function gitCredential(
  { url }: GitLabAddress,
  { env, ...options }: CredentialOptions,
): Promise<Token | undefined> {
  const { protocol, host } = new URL(url)
  const answer = await askHelper(['git', '-c', 'credential.interactive=false', 'credential', 'fill'], {
    ...options,
    input: `protocol=${protocol.slice(0, -1)}\nhost=${host}\n\n`,
    // An empty GIT_ASKPASS keeps git from the other programs that would ask.
    env: { ...env, GIT_TERMINAL_PROMPT: '0', GIT_ASKPASS: '', GCM_INTERACTIVE: 'never', SSH_ASKPASS_REQUIRE: 'never' },
  })
  if ('problem' in answer) return undefined
  const [, password] = /^password=(.+)$/m.exec(answer.output) ?? []
  // One with spaces, say, is a password that a person chose.
  return password === undefined || !isTokenLike(password) ? undefined : new Token(password, "git's credential helper")
}
