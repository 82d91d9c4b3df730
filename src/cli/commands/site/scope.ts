import { ConfigError } from '../../../core/errors.ts'
import type { InstallScope } from '../../../setup/site/procedure-directories.ts'

export interface ScopeArgs {
  readonly system?: boolean | undefined
  readonly global?: boolean | undefined
}

export function scopeOf({ system, global }: ScopeArgs): InstallScope {
  if (system && global) throw new ConfigError('--system and --global do not go together')
  return system ? 'system' : 'global'
}

export function forWhom(scope: InstallScope): string {
  return scope === 'system' ? 'everybody on this machine' : 'you'
}
