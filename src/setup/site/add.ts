import { GitConfig } from '../../core/git-config.ts'
import { runProgram } from '../program.ts'
import { findSites, resolveSite, type ScopedEntry, unknownSite } from './config.ts'
import { checkSiteName, type SiteValues } from './options.ts'
import {
  type InstallScope,
  installDirectory,
  type ProcedureDirectory,
  procedureDirectories,
} from './procedure-directories.ts'
import { checkProcedurePlace, installProcedure, removeProcedure } from './procedure-install.ts'
import type { ProcedurePrograms } from './procedure-script.ts'
import type { WriteOptions } from './write.ts'
import { readSiteOfScope, removeSite, type SiteChange, writeSite } from './write.ts'

export interface AddedSite {
  readonly changes: readonly SiteChange[]
  /** Path of the procedure. */
  readonly procedure: string
  readonly procedureChanged: boolean
}

/**
 * Makes a site, or changes what was given of one, and installs its procedure. Everything is checked
 * before anything is written; done again it changes nothing. Throws ConfigError.
 */
export async function addSite(
  name: string,
  scope: InstallScope,
  given: SiteValues,
  { programs, ...options }: WriteOptions & { readonly programs: ProcedurePrograms },
): Promise<AddedSite> {
  checkSiteName(name)
  const scopes = scope === 'system' ? (['system'] as const) : (['system', 'global'] as const)
  const entries: ScopedEntry[] = []
  for (const each of scopes) {
    for (const [key, value] of await readSiteOfScope(name, each, options)) {
      entries.push({ scope: each, key: `riastore.${name}.${key}`, value })
    }
  }
  resolveSite(findSites(entries).get(name) ?? unknownSite(name), given)
  const directory = installDirectory(scope, await readProcedureDirectories(options))
  await checkProcedurePlace(name, directory)
  const changes = await writeSite(name, scope, given, options)
  const { file, changed } = await installProcedure(name, directory, programs, options)
  return { changes, procedure: file, procedureChanged: changed }
}

export interface RemovedSite {
  readonly removed: boolean
  /** The procedure that was removed with it. */
  readonly procedure: string | undefined
}

/**
 * Removes a site from a scope, and its procedure. Datasets that were made with it stay as they are.
 */
export async function dropSite(name: string, scope: InstallScope, options: WriteOptions): Promise<RemovedSite> {
  const directory = installDirectory(scope, await readProcedureDirectories(options))
  const procedure = await removeProcedure(name, directory, options)
  return { removed: await removeSite(name, scope, options), procedure }
}

/** Where DataLad looks for procedures, whatever repository we are in. */
export async function readProcedureDirectories({ signal }: WriteOptions): Promise<readonly ProcedureDirectory[]> {
  const args = ['git', 'config', '--list', '-z']
  const { stdout } = await runProgram('git config', args, { signal })
  return procedureDirectories(GitConfig.parse(stdout), process.env)
}
