import { ConfigError } from './errors.ts'
import type { GitConfig } from './git-config.ts'

/**
 * The setting for all stores; one of a remote's own (`remote.<name>.riastore-stall-timeout`)
 * overrules it.
 */
export const STALL_TIMEOUT = 'riastore.stall-timeout'

const DEFAULT_SECONDS = '30'

/**
 * Returns for how long a call of a store may make no progress before it has failed, in ms.
 * `remote`: the git remote through which the store is used, where there is one. Throws ConfigError.
 */
export function stallMsOf(git: GitConfig, remote?: string): number {
  const own = remote && `remote.${remote}.riastore-stall-timeout`
  if (own && git.get(own) !== undefined) return stallMs('riastore-stall-timeout', git.get(own) ?? '')
  return stallMs(STALL_TIMEOUT, git.get(STALL_TIMEOUT) ?? DEFAULT_SECONDS)
}

/** Reads a number of seconds, as ms. `name`: of the setting, for the ConfigError that it throws. */
export function stallMs(name: string, value: string): number {
  const number = Number(value)
  if (value.trim() !== '' && number > 0 && number <= 86_400) return number * 1000
  throw new ConfigError(`${name} is ${JSON.stringify(value)}: a number of seconds above 0, and 86400 at most?`)
}
