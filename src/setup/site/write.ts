import { parseListing } from '../../core/git-config.ts'
import { runProgram } from '../program.ts'
import { SITE_OPTION_NAMES, type SiteOptionName, type SiteValues } from './options.ts'
import type { InstallScope } from './procedure-directories.ts'

export interface WriteOptions {
  readonly signal?: AbortSignal | undefined
  /** Only look what would be changed. */
  readonly dryRun?: boolean | undefined
}

/** One setting that was changed; undefined: there was none, or it was removed. */
export interface SiteChange {
  readonly option: SiteOptionName
  readonly before: string | undefined
  readonly after: string | undefined
}

/**
 * What a scope of git's configuration itself holds for a site: no other scope counts. Keys in lower
 * case, without the name of the site.
 */
export async function readSiteOfScope(
  name: string,
  scope: InstallScope,
  { signal }: WriteOptions = {},
): Promise<ReadonlyMap<string, string>> {
  const args = ['git', 'config', `--${scope}`, '--list', '-z']
  // Without its file, git ends with 1 or 128, as it does for a file that it cannot read: that shows
  // when it is written.
  const { stdout } = await runProgram('git config', args, { signal, mayEndWith: [1, 128] })
  const values = new Map<string, string>()
  for (const { key, value } of parseListing(stdout)) {
    const prefix = `riastore.${name}.`
    if (key.startsWith(prefix)) values.set(key.slice(prefix.length), value)
  }
  return values
}

/**
 * Writes what was given into git's configuration; an empty value removes one. Returns what changed:
 * nothing is written where nothing does.
 */
export async function writeSite(
  name: string,
  scope: InstallScope,
  given: SiteValues,
  { signal, dryRun }: WriteOptions = {},
): Promise<readonly SiteChange[]> {
  const there = await readSiteOfScope(name, scope, { signal })
  const changes: SiteChange[] = []
  for (const option of SITE_OPTION_NAMES) {
    const before = there.get(option.toLowerCase())
    const after = given[option] || undefined
    if (given[option] === undefined || before === after) continue
    const key = `riastore.${name}.${option}`
    const args = after === undefined ? ['--unset-all', key] : ['--replace-all', key, after]
    if (!dryRun) await runProgram('git config', ['git', 'config', `--${scope}`, ...args], { signal })
    changes.push({ option, before, after })
  }
  return changes
}

/** Removes all that a scope has of a site. Returns whether there was anything. */
export async function removeSite(
  name: string,
  scope: InstallScope,
  { signal, dryRun }: WriteOptions = {},
): Promise<boolean> {
  if ((await readSiteOfScope(name, scope, { signal })).size === 0) return false
  const args = ['git', 'config', `--${scope}`, '--remove-section', `riastore.${name}`]
  if (!dryRun) await runProgram('git config', args, { signal })
  return true
}
