import { ConfigError } from '../../core/errors.ts'
import { parseListing } from '../../core/git-config.ts'
import type { Dataset } from '../dataset.ts'
import { runProgram } from '../program.ts'
import { type FoundSite, findSites, type ScopedEntry, SITE_SCOPES } from './config.ts'

/**
 * The sites that git's configuration has here, of every scope, and those of a dataset's own
 * .datalad/config under them.
 */
export async function readSites(
  dataset: Dataset | undefined,
  signal?: AbortSignal | undefined,
): Promise<ReadonlyMap<string, FoundSite>> {
  const options = { signal, cwd: dataset?.path }
  const args = ['git', 'config', '--list', '-z', '--show-scope']
  const { stdout } = await runProgram('git config', args, options)
  return findSites([...(await committedEntries(dataset)), ...scopedEntries(stdout)])
}

/** The site of that name. Throws ConfigError that says which there are. */
export function requireSite(sites: ReadonlyMap<string, FoundSite>, name: string): FoundSite {
  const found = sites.get(name)
  if (found?.isConfigured) return found
  const names = [...sites.values()].filter(({ isConfigured }) => isConfigured).map((site) => site.name)
  const known = names.length === 0 ? 'none is' : `known are ${names.sort().join(', ')}`
  throw new ConfigError(`no site ${name} is configured, ${known}: riastore site add ${name} --store <URL> makes one`)
}

async function committedEntries(dataset: Dataset | undefined): Promise<ScopedEntry[]> {
  const config = await dataset?.committedConfig()
  return [...(config?.keys() ?? [])].flatMap((key) =>
    (config?.all(key) ?? []).map((value) => ({ scope: 'dataset', key, value }) as const),
  )
}

/** What git names no scope for that we know came with the command. */
function scopedEntries(listing: Uint8Array): ScopedEntry[] {
  return parseListing(listing, { shows: true }).map(({ key, value, shown }) => ({
    scope: SITE_SCOPES.find((known) => known === shown) ?? 'command',
    key,
    value,
  }))
}
