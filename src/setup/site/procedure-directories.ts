import { homedir } from 'node:os'
import { join } from 'node:path'
import type { GitConfig } from '../../core/git-config.ts'

/** For whom a site is set up: everybody on this machine, or the user who does it. */
export type InstallScope = 'system' | 'global'

/** Names of procedures that DataLad brings itself: one of ours would take their place. */
export const DATALAD_PROCEDURES: readonly string[] = ['cfg_metadatatypes', 'cfg_noannex', 'cfg_text2git', 'cfg_yoda']

/**
 * Where DataLad looks for procedures, first to last; `kind` is the name in its settings,
 * `datalad.locations.<kind>-procedures`.
 */
export interface ProcedureDirectory {
  readonly kind: 'user' | 'system' | 'extra'
  readonly path: string
}

/**
 * The directories in which DataLad looks before it looks into datasets, in its order: what the
 * environment says (`DATALAD_LOCATIONS_USER__PROCEDURES`), else git's configuration, else the usual
 * place (XDG).
 */
export function procedureDirectories(config: GitConfig, env: NodeJS.ProcessEnv): readonly ProcedureDirectory[] {
  const home = env.HOME || homedir()
  const usual = {
    user: [join(env.XDG_CONFIG_HOME || join(home, '.config'), 'datalad', 'procedures')],
    system: [join((env.XDG_CONFIG_DIRS || '/etc/xdg').split(':')[0] || '/etc/xdg', 'datalad', 'procedures')],
    extra: [],
  }
  return (['user', 'system', 'extra'] as const).flatMap((kind) => {
    const variable = env[`DATALAD_LOCATIONS_${kind.toUpperCase()}__PROCEDURES`]
    const configured = config.all(`datalad.locations.${kind}-procedures`)
    const paths = variable ? [variable] : configured.length > 0 ? configured : usual[kind]
    return paths.map((path) => ({ kind, path }))
  })
}

/** The directory that a procedure is installed in. */
export function installDirectory(scope: InstallScope, directories: readonly ProcedureDirectory[]): string {
  const kind = scope === 'system' ? 'system' : 'user'
  const found = directories.find((directory) => directory.kind === kind)
  if (found === undefined) throw new Error(`no directory for ${kind} procedures`) // there is always a usual place
  return found.path
}
