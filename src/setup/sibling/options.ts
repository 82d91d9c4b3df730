import { ConfigError } from '../../core/errors.ts'
import { checkNewAlias } from '../../ria/layout/alias-file.ts'

/** What to do where a sibling of that name, or the dataset in the store, is already. */
export type Existing = 'skip' | 'error' | 'reconfigure'

/** `only`: no git repository, the special remote gets the sibling's name. */
export type StorageSibling = 'on' | 'off' | 'only'

export type TrustLevel = 'trust' | 'semitrust' | 'untrust'

/**
 * What `riastore create-sibling` can be told; the words are those of `datalad create-sibling-ria`.
 */
export interface SiblingOptions {
  /** Of the git remote. */
  readonly name: string
  /** Of the store, `ria+…`, as it is recorded for everybody who has the dataset. */
  readonly url: string
  /** URL of the same store to write through, if another. */
  readonly pushUrl?: string | undefined
  /** Of the special remote. Default: the name with `-storage`. */
  readonly storageName?: string | undefined
  readonly alias?: string | undefined
  readonly postUpdateHook?: boolean | undefined
  /** As `git init --shared` has it. */
  readonly shared?: string | undefined
  readonly group?: string | undefined
  /** Default `on`; `off` where the dataset has no git-annex. */
  readonly storageSibling?: StorageSibling | undefined
  /** Default: as `error`, but what is already as it was asked for is no error. */
  readonly existing?: Existing | undefined
  /** Make the store where there is none. */
  readonly newStoreOk?: boolean | undefined
  readonly trustLevel?: TrustLevel | undefined
  /** Look at everything, say what would be done, change nothing. */
  readonly dryRun?: boolean | undefined
}

/** The options of one dataset, all defaults filled in. */
export interface CheckedOptions extends SiblingOptions {
  readonly storageSibling: StorageSibling
  /** Of the special remote; undefined where none is wanted. */
  readonly storageName: string | undefined
}

export const SHARED_VALUES = 'false, true, umask, group, all, world, everybody or an octal number like 0660'

/** Fills in the defaults. Throws ConfigError for what cannot be done. */
export function checkOptions(options: SiblingOptions, hasAnnex: boolean): CheckedOptions {
  const { name, shared, group, alias, trustLevel } = options
  const wanted = options.storageSibling ?? 'on'
  if (wanted === 'only' && !hasAnnex) throw new ConfigError('a storage sibling alone needs a dataset with git-annex')
  const storageSibling = hasAnnex ? wanted : 'off'
  const storageName = { on: options.storageName || `${name}-storage`, off: undefined, only: name }[storageSibling]
  for (const each of [name, ...(storageName === undefined ? [] : [storageName])]) checkRemoteName(each)
  if (storageSibling === 'on' && storageName === name) {
    throw new ConfigError(`the sibling and its storage sibling cannot both be named ${name}`)
  }
  if (shared !== undefined && !isShared(shared)) {
    throw new ConfigError(`--shared is ${JSON.stringify(shared)}: it takes ${SHARED_VALUES}`)
  }
  if (group !== undefined && !/^[^\s:/-][^\s:/]*$/.test(group)) {
    throw new ConfigError(`--group is ${JSON.stringify(group)}, which is no name of a group`)
  }
  if (storageSibling === 'only' && (shared ?? group) !== undefined) {
    throw new ConfigError('--shared and --group are kept by the git repository, which a storage sibling alone lacks')
  }
  if (alias !== undefined) checkNewAlias(alias)
  if (trustLevel !== undefined && storageName === undefined && hasAnnex) {
    throw new ConfigError('--trust-level is about the storage sibling, and none is wanted')
  }
  return { ...options, storageSibling, storageName }
}

/** What `git remote add` would take, and nothing that a program could read as an option. */
export function checkRemoteName(name: string): void {
  const isRef = name.split('/').every((part) => part !== '' && !part.startsWith('.') && !part.endsWith('.lock'))
  if (isRef && !name.startsWith('-') && name !== '@' && !/\.\.|@\{|\.$|[\p{Cc}\p{Cs}\s~^:?*[\\]/u.test(name)) return
  throw new ConfigError(`${JSON.stringify(name)} cannot be the name of a sibling`)
}

function isShared(value: string): boolean {
  return /^(false|true|umask|group|all|world|everybody)$/i.test(value) || /^0[67][0-7]{2}$/.test(value)
}
