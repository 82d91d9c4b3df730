import { homedir, userInfo } from 'node:os'
import { codeOf, messageOf, StoreError } from '../../core/errors.ts'
import { run } from '../../core/process/run.ts'

/** Whom to connect to, as the URL says it. */
export interface SshTarget {
  /** A host name, an address, or an alias of ssh's own configuration. */
  readonly host: string
  readonly port?: number
  readonly user?: string
}

/** What OpenSSH would do for a target: the answer of `ssh -G`, its own parser (ssh(1)). */
export interface SshConfig {
  readonly target: SshTarget
  /** First value of an option, by its lower-case name; undefined when unset or `none`. */
  get(option: string): string | undefined
  /** All values of an option that may be given several times. */
  all(option: string): readonly string[]
}

/** `[user@]host[:port]` for people. An IPv6 address is in brackets, as in a URL. */
export function targetName({ user, host, port }: SshTarget): string {
  const name = host.includes(':') ? `[${host}]` : host
  return `${user === undefined ? '' : `${user}@`}${name}${port === undefined ? '' : `:${port}`}`
}

/** The options of every call of ssh that name the target. */
export function targetArguments({ user, host, port }: SshTarget): string[] {
  return [...(port === undefined ? [] : ['-p', String(port)]), ...(user === undefined ? [] : ['-l', user]), '--', host]
}

/** Asks ssh for its configuration. Throws StoreError `unsupported` when there is no usable ssh. */
export async function readSshConfig(target: SshTarget): Promise<SshConfig> {
  const where = targetName(target)
  const fail = (message: string, cause?: unknown) =>
    new StoreError({ kind: 'unsupported', op: 'connect', where, message, sent: 'no', cause })
  const finished = await run('ssh', ['-G', ...targetArguments(target)]).catch((error: unknown) => {
    throw fail(codeOf(error) === 'ENOENT' ? 'the program ssh is not installed' : messageOf(error), error)
  })
  if (finished.code !== 0) throw fail(finished.stderr || `ssh -G ended with exit code ${finished.code}`)
  const options = new Map<string, string[]>()
  for (const line of finished.stdout.toString().split('\n')) {
    const space = line.indexOf(' ')
    if (space < 0) continue
    const name = line.slice(0, space).toLowerCase()
    options.set(name, [...(options.get(name) ?? []), line.slice(space + 1)])
  }
  const all = (option: string) => (options.get(option) ?? []).filter((value) => value !== 'none')
  return { target, all, get: (option) => all(option)[0] }
}

/**
 * `~` at the start of a path that ssh printed; OpenSSH takes the home of the password file, not
 * $HOME.
 */
export function expandHome(path: string): string {
  if (!path.startsWith('~/')) return path
  try {
    return userInfo().homedir + path.slice(1)
  } catch {
    return homedir() + path.slice(1) // a user id without an entry there
  }
}
