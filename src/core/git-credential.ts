import { askHelper, type HelperOptions } from './process/helper-program.ts'

/** What git asks its helpers for (git-credential(1)). */
export interface CredentialQuestion {
  /** `https`, `http`. */
  readonly protocol: string
  /** With its port, if the URL has one. */
  readonly host: string
  /** Without a slash at its start; counts only where `credential.useHttpPath` is set. */
  readonly path?: string | undefined
  readonly username?: string | undefined
}

/** As it came from a helper. */
export interface Credential {
  readonly username: string | undefined
  readonly password: string
}

/**
 * What git's credential helpers have for a server; undefined when they have nothing. Nobody is
 * asked: neither by git, nor, as far as they can be told, by the helpers. They are never told what
 * became of it.
 */
export async function fillCredential(
  question: CredentialQuestion,
  { env, ...options }: Omit<HelperOptions, 'input'>,
): Promise<Credential | undefined> {
  const lines = Object.entries(question).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}\n`]))
  const answer = await askHelper(['git', '-c', 'credential.interactive=false', 'credential', 'fill'], {
    ...options,
    input: `${lines.join('')}\n`,
    // An empty GIT_ASKPASS keeps git from the other programs that would ask.
    env: { ...env, GIT_TERMINAL_PROMPT: '0', GIT_ASKPASS: '', GCM_INTERACTIVE: 'never', SSH_ASKPASS_REQUIRE: 'never' },
  })
  if ('problem' in answer) return undefined
  const [, username] = /^username=(.+)$/m.exec(answer.output) ?? []
  const [, password] = /^password=(.+)$/m.exec(answer.output) ?? []
  return password === undefined ? undefined : { username, password }
}
