import { ConfigError } from '../errors.ts'
import type { GitConfig } from '../git-config.ts'
import { run } from '../process/run.ts'
import { decode } from '../text.ts'

/** Whether git's configuration has `http.<name>`, or `http.<url>.<name>` for any URL. */
export function hasHttpSetting(git: GitConfig | undefined, name: string): boolean {
  return [...(git?.keys() ?? [])].some((key) => key.startsWith('http.') && key.endsWith(`.${name}`))
}

/**
 * The value of `http.<name>` that git itself would use for a URL (git-config, http.<url>.*);
 * undefined where none is set. git is only asked where there is something to ask for. Throws
 * ConfigError when it cannot be.
 */
export async function httpSetting(
  git: GitConfig | undefined,
  name: string,
  url: URL,
  type: 'path' | undefined = undefined,
): Promise<string | undefined> {
  if (!hasHttpSetting(git, name)) return undefined
  const address = `${url.protocol}//${url.host}${url.pathname}`
  const typed = type === undefined ? [] : [`--type=${type}`]
  const { code, stdout, stderr } = await run('git', ['config', ...typed, '--get-urlmatch', `http.${name}`, address])
  if (code === 1) return undefined
  if (code !== 0) throw new ConfigError(`git config cannot tell http.${name} for ${url.host}: ${stderr}`)
  return decode(stdout).replace(/\n$/, '')
}
