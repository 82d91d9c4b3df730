import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { ConfigError, StoreError } from '../../core/errors.ts'
import { NONE_YET } from '../../ria/layout/no-store.ts'
import { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { findStore } from '../../ria/make-store.ts'
import { factsOf } from '../../store/schemes.ts'
import { parseSharing } from '../../store/sharing.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { temporaryName } from '../../store/temporary.ts'
import type { Dataset } from '../dataset.ts'
import { findAlias } from './alias.ts'
import { inspectRepository, type RepositoryMaker, type RepositoryState } from './bare-repository.ts'
import type { CheckedOptions } from './options.ts'
import { isSameStore, type SiblingPlace } from './place.ts'
import { type RecordedRemote, recordedRemotes } from './recorded-remotes.ts'
import type { RepositoryWish } from './repository-wish.ts'

/**
 * Set for the sibling while it is being made: to what it was to be. A later call that finds it goes
 * on.
 */
export const UNFINISHED = 'riastore-unfinished'

/** What is to be done, all of it looked up before anything is changed. */
export interface SiblingPlan {
  readonly store: 'there' | 'make'
  readonly maker: RepositoryMaker
  readonly repository: RepositoryWish
  readonly alias: 'ours' | 'make' | undefined
  readonly special:
    | {
        readonly do: 'init' | 'enable'
        readonly name: string
        readonly uuid: string
        /** By what git-annex knows it that is enabled. */
        readonly enable: string
        /** Its uuid is not a new one: git-annex may have something on record for it. */
        readonly isKnown: boolean
        /** It was given up before, and is wanted again. */
        readonly revive: boolean
      }
    | undefined
  /** A git remote is wanted. */
  readonly git: boolean
  /** The git remote was there, so what it has may be newer than what is known here. */
  readonly fetch: boolean
  /** Value of `remote.<name>.riastore-unfinished`. */
  readonly unfinished: string
  /** Why nothing is to be done. */
  readonly notNeeded: string | undefined
}

/** What a dataset has under the names of the siblings. */
export interface LocalSiblings {
  /** Names that are configured, other than by a run that did not end. */
  readonly configured: readonly string[]
  /** A run for the very same sibling did not end. */
  readonly unfinished: boolean
}

/** Looks for remotes of the siblings' names. */
export async function localSiblings(
  dataset: Dataset,
  { name, storageName }: Pick<CheckedOptions, 'name' | 'storageName'>,
  { gitUrl }: Pick<SiblingPlace, 'gitUrl'>,
): Promise<LocalSiblings> {
  const unfinished = (await dataset.get(`remote.${name}.${UNFINISHED}`)) === gitUrl
  const remotes = await dataset.remotes()
  const names = [...new Set([name, ...(storageName === undefined ? [] : [storageName])])]
  return { configured: unfinished ? [] : names.filter((each) => remotes.includes(each)), unfinished }
}

/**
 * Looks at everything that decides what has to be done, and that could make it fail. Throws
 * ConfigError and StoreError.
 */
export async function planSibling(
  dataset: Dataset,
  store: Store,
  place: SiblingPlace,
  options: CheckedOptions,
  call: CallOptions,
): Promise<SiblingPlan> {
  const { existing = 'error', storageSibling, storageName, alias } = options
  const { directory, gitUrl, location } = place
  const local = await localSiblings(dataset, options, place)
  const found = await findStore(store, call)
  if (found === 'nothing' && !options.newStoreOk) {
    const message = `${NONE_YET}: make one with riastore init, or give --new-store-ok`
    throw new StoreError({ kind: 'missing', op: 'find', where: store.traits.root, message, sent: 'no' })
  }
  const stored = new StoredDataset(store, directory)
  const state = await inspectRepository(stored, call)
  const aliased = alias === undefined ? undefined : await findAlias(stored, alias, call)
  const git = storageSibling !== 'only'
  const isAsked = options.existing === undefined && !local.unfinished && aliased !== 'free'
  const isDone = isAsked && isStored(options, state) && (await isSetUp(dataset, options, place, state))
  let notNeeded = isDone ? 'it is set up already' : undefined
  if (!isDone && !local.unfinished && existing !== 'reconfigure') {
    const [configured] = local.configured
    const inTheWay =
      configured !== undefined
        ? `a sibling ${configured} is configured already`
        : state.hasGit
          ? `the dataset is in the store already: ${store.traits.root}/${directory}`
          : undefined
    if (inTheWay !== undefined && existing === 'error') {
      throw new ConfigError(`${dataset.path}: ${inTheWay} (--existing reconfigure or skip)`)
    }
    notNeeded = inTheWay && `skipped: ${inTheWay}`
  }
  const isWanted = storageName !== undefined && notNeeded === undefined
  const recorded = isWanted ? await recordedOf(dataset, storageName, place, state.uuid) : undefined
  const uuid = recorded?.uuid ?? state.uuid
  if (recorded !== undefined && !recorded.isDead && existing === 'error' && !local.unfinished) {
    throw new ConfigError(
      `${dataset.path}: there is a special remote ${storageName} already (${recorded.uuid}): --existing reconfigure enables it, or give another --storage-name`,
    )
  }
  return {
    store: found === 'store' ? 'there' : 'make',
    maker: factsOf(location).repositoryBy,
    repository: {
      git,
      annex: storageName !== undefined,
      uuid: storageName === undefined ? undefined : (uuid ?? randomUUID()),
      shared: options.shared,
      group: options.group,
      hook: options.postUpdateHook === true,
      branch: await currentBranch(dataset),
      isNew: !state.hasGit && !state.hasLayout && !local.unfinished,
      token: temporaryName(),
    },
    alias: aliased === 'free' ? 'make' : aliased,
    special:
      storageName === undefined
        ? undefined
        : {
            do: recorded === undefined ? 'init' : 'enable',
            name: storageName,
            uuid: uuid ?? '',
            // One that was made with --sameas shares its uuid, and is enabled by its name.
            enable: recorded === undefined || recorded.configUuid === recorded.uuid ? (uuid ?? '') : storageName,
            isKnown: uuid !== undefined,
            revive: recorded?.isDead === true,
          },
    git,
    fetch: git && state.hasGit,
    unfinished: gitUrl,
    notNeeded,
  }
}

/**
 * The special remote that is recorded under a name. Throws ConfigError when it is another than the
 * one that the store's repository belongs to, or keeps its keys elsewhere: two names for the same
 * keys would count as two copies of them.
 */
async function recordedOf(
  dataset: Dataset,
  name: string,
  { id, url }: SiblingPlace,
  storedUuid: string | undefined,
): Promise<RecordedRemote | undefined> {
  const all = await recordedRemotes(dataset)
  const config = await dataset.config()
  const named = all.filter((each) => each.name === name)
  const byName = named.find(({ isDead }) => !isDead) ?? named[0]
  const [owner] = all.filter(({ uuid }) => uuid === storedUuid)
  if (owner !== undefined && owner.uuid !== byName?.uuid) {
    const where = `the dataset in the store belongs to the special remote ${owner.name} (${storedUuid})`
    throw new ConfigError(`${where}: give --storage-name ${owner.name}`)
  }
  const twin = all.find(
    (each) =>
      !each.isDead &&
      each.name !== name &&
      each.uuid !== byName?.uuid &&
      each.settings.get('archive-id') === id &&
      isSameStore(config, each.settings.get('url'), url),
  )
  if (twin !== undefined) {
    throw new ConfigError(
      `the special remote ${twin.name} (${twin.uuid}) keeps its keys in the same place: give --storage-name ${twin.name}`,
    )
  }
  if (byName === undefined) return undefined
  if (storedUuid !== undefined && byName.uuid !== storedUuid) {
    throw new ConfigError(
      `the dataset in the store belongs to a special remote ${storedUuid} that is not known here, and ${name} is ${byName.uuid}: get the git-annex branch that knows it, or give another --storage-name`,
    )
  }
  if (byName.settings.get('externaltype') !== 'ora') {
    throw new ConfigError(`there is a special remote ${name} of another type already: give another --storage-name`)
  }
  const otherId = byName.settings.get('archive-id')
  if (otherId !== undefined && otherId !== id) {
    throw new ConfigError(
      `the special remote ${name} is for the dataset ${otherId}, not ${id}: give another --storage-name`,
    )
  }
  return byName
}

/** Whether the store has what this call would put there. Who owns the files is not looked at. */
function isStored({ storageSibling, shared, postUpdateHook }: CheckedOptions, state: RepositoryState): boolean {
  if (!state.hasLayout || (storageSibling !== 'only' && !state.hasGit)) return false
  if (postUpdateHook && !state.hasHook) return false
  return shared === undefined || isDeepStrictEqual(parseSharing(shared), state.sharing)
}

/**
 * Whether git's configuration, and what git-annex has recorded, is what this call would make it.
 */
async function isSetUp(
  dataset: Dataset,
  options: CheckedOptions,
  place: SiblingPlace,
  state: RepositoryState,
): Promise<boolean> {
  const { name, storageName, storageSibling, trustLevel } = options
  if (storageName !== undefined) {
    const uuid = await dataset.get(`remote.${storageName}.annex-uuid`)
    const configUuid = (await dataset.get(`remote.${storageName}.annex-config-uuid`)) ?? uuid
    const remote = (await recordedRemotes(dataset)).find((each) => each.configUuid === configUuid && !each.isDead)
    if (remote === undefined || remote.settings.get('archive-id') !== place.id) return false
    const config = await dataset.config()
    if (!isSameStore(config, remote.settings.get('url'), place.url)) return false
    if (!isSameStore(config, remote.settings.get('push-url'), place.pushUrl)) return false
    if (storageSibling !== 'only' && state.uuid !== uuid) return false
    if (trustLevel !== undefined && remote.trust !== trustLevel) return false
  }
  if (storageSibling === 'only') return true
  const is = async (key: string, value: string | undefined) => (await dataset.get(`remote.${name}.${key}`)) === value
  return (
    (await is('annex-ignore', 'true')) &&
    (await is('url', place.gitUrl)) &&
    (await is('pushurl', place.gitPushUrl)) &&
    (storageName === undefined ||
      (await dataset.getAll(`remote.${name}.datalad-publish-depends`)).includes(storageName))
  )
}

/** Of an adjusted branch, what it was made of: that is what is pushed. */
async function currentBranch(dataset: Dataset): Promise<string | undefined> {
  const { stdout } = await dataset.git(['symbolic-ref', '--quiet', '--short', 'HEAD'], { mayEndWith: [1] })
  const branch = stdout.toString().trim()
  return branch.replace(/^adjusted\/(.*)\([^()]*\)$/, '$1') || undefined
}
