import { ConfigError } from '../../../core/errors.ts'
import { GitConfig, parseListing } from '../../../core/git-config.ts'
import { withoutPassword } from '../../../core/secret.ts'
import {
  checkStoreValues,
  findStores,
  isStoreName,
  type StoreEntry,
  type StoreValues,
  valuesOf,
} from '../../../ria/settings/named-stores.ts'
import { STORE_SETTING_NAMES, type StoreSetting } from '../../../ria/settings/store-setting-names.ts'
import { runProgram } from '../../../setup/program.ts'
import { camelCase } from '../../command.ts'
import type { Console } from '../../console.ts'
import { EXIT } from '../../exit-codes.ts'

export interface ScopeArgs {
  readonly system?: boolean | undefined
  readonly global?: boolean | undefined
  readonly dryRun?: boolean | undefined
}

/** What is set, by the name of the option in camel case. */
export type ValueArgs = Readonly<Record<string, unknown>>

/** Throws ConfigError. */
export function scopeOf({ system, global }: ScopeArgs): 'global' | 'system' {
  if (system && global) throw new ConfigError('--system and --global do not go together')
  return system ? 'system' : 'global'
}

export function valuesGiven(args: ValueArgs): StoreValues {
  return Object.fromEntries(
    STORE_SETTING_NAMES.flatMap((name) => {
      const value = args[camelCase(name)]
      return typeof value === 'string' ? [[name, value]] : []
    }),
  )
}

/** What one scope of git's configuration itself has of a store, or all of them together. */
export async function readEntry(
  name: string,
  scope: 'global' | 'system' | undefined,
  signal: AbortSignal,
): Promise<StoreEntry | undefined> {
  if (!isStoreName(name)) {
    throw new ConfigError(`${JSON.stringify(name)} is no name for a store: letters, digits, - and _ only`)
  }
  return (await readEntries(scope, signal)).get(name)
}

export async function readEntries(
  scope: 'global' | 'system' | undefined,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, StoreEntry>> {
  const args = ['git', 'config', ...(scope === undefined ? [] : [`--${scope}`]), '--list', '-z']
  // Without its file git ends with 1 or 128; where it cannot read it, that shows when it is
  // written.
  const { stdout } = await runProgram('git config', args, { signal, mayEndWith: scope === undefined ? [] : [1, 128] })
  return findStores(new GitConfig(parseListing(stdout).map(({ key, value }) => [key, value])))
}

/**
 * Writes what was given for a store into git's configuration; an empty value removes one. What
 * would be there then is looked at as a whole before. Throws ConfigError, and changes nothing then.
 */
export async function writeStore(
  console: Console,
  action: 'add' | 'set',
  name: string,
  args: ScopeArgs & ValueArgs,
): Promise<number> {
  const { signal } = console
  const scope = scopeOf(args)
  const given = valuesGiven(args)
  const before = (await readEntry(name, scope, signal))?.values ?? {}
  const after = valuesOf({ name, values: { ...before, ...given }, unknown: undefined })
  checkStoreValues(after)
  const shown = [after.url, after['push-url']].find((url) => url !== undefined && withoutPassword(url) !== url)
  if (scope === 'system' && shown !== undefined) {
    throw new ConfigError(`${withoutPassword(shown)} has a password, which everybody on this machine could read`)
  }
  const changes = STORE_SETTING_NAMES.filter((each) => given[each] !== undefined && before[each] !== after[each])
  if (!args.dryRun) for (const each of changes) await write(scope, name, each, after[each])
  const settings = Object.fromEntries(
    Object.entries(after).map(([each, value]) => [each, withoutPassword(value ?? '')]),
  )
  console.report({ type: 'store-name', action, dryRun: args.dryRun === true, name, scope, changes, settings }, () => {
    const whom = scope === 'system' ? 'everybody on this machine' : 'you'
    if (changes.length === 0) return `the store ${name}, for ${whom}, is as it was`
    const lines = changes.map((each) => `  ${each}: ${settings[each] ?? 'removed'}`)
    return [`the store ${name}, for ${whom}${args.dryRun ? ', would be' : ''}:`, ...lines].join('\n')
  })
  return EXIT.done
}

async function write(scope: string, name: string, setting: StoreSetting, value: string | undefined): Promise<void> {
  const key = `riastore.store.${name}.${setting}`
  const args = value === undefined ? ['--unset-all', key] : ['--replace-all', key, value]
  await runProgram('git config', ['git', 'config', `--${scope}`, ...args])
}
