import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/**
 * Where what can be had again is kept: `riastore` in the user's cache directory, by the XDG base
 * directory specification.
 */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return ownDirectory(env.XDG_CACHE_HOME, '.cache', env)
}

/** Where it is kept how far runs are: `riastore` in the user's state directory, by the same. */
export function stateDirectory(env: NodeJS.ProcessEnv = process.env): string {
  return ownDirectory(env.XDG_STATE_HOME, '.local/state', env)
}

function ownDirectory(base: string | undefined, below: string, { HOME }: NodeJS.ProcessEnv): string {
  return join(base && isAbsolute(base) ? base : join(HOME || homedir(), below), 'riastore')
}
