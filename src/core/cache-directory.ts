import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

/**
 * Where what can be had again is kept: `riastore` in the user's cache directory, by the XDG base
 * directory specification.
 */
export function cacheDirectory(env: NodeJS.ProcessEnv = process.env): string {
  const { XDG_CACHE_HOME, HOME } = env
  const caches = XDG_CACHE_HOME && isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(HOME || homedir(), '.cache')
  return join(caches, 'riastore')
}
