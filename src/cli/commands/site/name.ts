import { ConfigError } from '../../../core/errors.ts'
import { checkSiteName } from '../../../setup/site/options.ts'
import type { InstallScope } from '../../../setup/site/procedure-directories.ts'

/** The name of a site that was given. Throws ConfigError. */
export function requireName(name: string | undefined): string {
  if (name === undefined) throw new ConfigError('which site? Give its name: riastore site list tells them')
  checkSiteName(name)
  return name
}

export const SCOPE_OPTIONS = {
  system: {
    type: 'boolean',
    describe: 'for everybody on this machine: /etc/gitconfig and DataLad’s system procedures',
  },
  global: { type: 'boolean', describe: 'for yourself: ~/.gitconfig and your own procedures. This is the default' },
} as const

export interface ScopeArgs {
  readonly system?: boolean
  readonly global?: boolean
}

export function scopeOf({ system, global }: ScopeArgs): InstallScope {
  if (system && global) throw new ConfigError('--system and --global do not go together')
  return system ? 'system' : 'global'
}

export function forWhom(scope: InstallScope): string {
  return scope === 'system' ? 'everybody on this machine' : 'you'
}
