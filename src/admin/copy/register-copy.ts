import { randomUUID } from 'node:crypto'
import { isStoreError } from '../../core/errors.ts'
import { parseRemoteLog, withDescription, withRemote } from '../../core/records/annex-logs.ts'
import { amendBranch } from '../../git/amend-branch.ts'
import { ANNEX_BRANCH, type AnnexRecords, openAnnexRecords } from '../../git/annex-records.ts'
import type { BranchFiles } from '../../git/branch-files.ts'
import { copyRefs, stateOf } from '../../git/copy-refs.ts'
import { readRepositoryConfig, SIBLING_UUID, setRepositoryConfig } from '../../git/repository-config.ts'
import { readSharing } from '../../ria/layout/read-layout.ts'
import { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { listKeys, withNewPlaces } from './record-keys.ts'
import { isSameUrl } from './record-place.ts'
import { requireTwoPlaces } from './same-place.ts'

/** Of the commits. By it a run knows that nothing came since the last. */
const MESSAGE = 'riastore copy --register'

/** Of a name that nobody has given. */
const DEFAULT_NAME = 'copy-storage'

/** What a sibling in another store has to know to read the same files there. */
const OF_CONTENT = /^(externaltype|encryption|mac|keyid.*|cipher|cipherkeys|pubkeys|chunk)$/

export interface RegisterOptions extends CallOptions {
  /** Of the store that the copy is in, as clones name it. */
  readonly url: string
  /** Of the special remote. Default: the one that it has, or `copy-storage`. */
  readonly name?: string | undefined
  readonly dryRun?: boolean | undefined
  /** The copy was found as it is: nothing has come. */
  readonly isOld: boolean
}

export interface Registered {
  readonly name: string
  /** git-annex's; undefined where it would be made. */
  readonly uuid: string | undefined
  readonly url: string
  /** It was not on record. */
  readonly isNew: boolean
  /** Keys that were noted as being in the copy. */
  readonly keys: number
}

/**
 * Tells git-annex's records of a dataset, in its store and in the copy, that the copy is a special
 * remote of its own, and which keys it has; and the copy's configuration that it is this one. The
 * keys are those that are listed there. What is on record already is not written again. Throws
 * StoreError.
 */
export async function registerCopy(from: StoredDataset, to: Store, options: RegisterOptions): Promise<Registered> {
  const { dryRun = false, isOld, signal } = options
  const call = { signal }
  const copy = new StoredDataset(to, from.directory, from.name)
  const [records, ofCopy] = await Promise.all([openAnnexRecords(from, call), recordsIfThere(copy, call)])
  if (records === undefined) {
    const message = 'git-annex has no records in this store, so nothing can be registered: push the dataset there first'
    throw from.error('unsupported', 'register', message, { sent: 'no' })
  }
  const plan = await planFor(from, copy, records, ofCopy, options)
  const { url, isNew, name } = plan
  if (dryRun) return { name, uuid: isNew ? undefined : plan.uuid, url, isNew, keys: 0 }
  // Two names of one place would count as two copies, of which git-annex may drop one.
  if (isNew) await requireTwoPlaces(from, copy, call)
  const isDone = isOld && !isNew && (await haveOneCommitOfOurs(records, ofCopy))
  const keys = isDone ? 0 : await record(from, copy, plan, call)
  if (plan.ofConfig !== plan.uuid) {
    await setRepositoryConfig(copy, SIBLING_UUID, plan.uuid, { ...call, sharing: await readSharing(copy, call) })
  }
  return { name, uuid: plan.uuid, url, isNew, keys }
}

interface Plan {
  readonly uuid: string
  readonly name: string
  readonly url: string
  readonly isNew: boolean
  readonly settings: ReadonlyMap<string, string>
  /** The sibling that SRC is. */
  readonly original: string | undefined
  /** What the copy's configuration has for its own. */
  readonly ofConfig: string | undefined
}

async function planFor(
  from: StoredDataset,
  copy: StoredDataset,
  records: AnnexRecords,
  ofCopy: AnnexRecords | undefined,
  { url, name: wanted, signal }: RegisterOptions,
): Promise<Plan> {
  const call = { signal }
  const uuidIn = async (dataset: StoredDataset) => (await readRepositoryConfig(dataset, call))?.get(SIBLING_UUID)
  const [original, ofConfig] = await Promise.all([uuidIn(from), uuidIn(copy)])
  const remotes = parseRemoteLog(`${await records.read('remote.log')}\n${(await ofCopy?.read('remote.log')) ?? ''}`)
  const id = from.directory.replace('/', '')
  const isThere = (settings: ReadonlyMap<string, string>) =>
    settings.get('type') === 'external' &&
    isSameUrl(settings.get('url') ?? '', url) &&
    (settings.get('archive-id') ?? id) === id
  const own = ofConfig !== original && ofConfig !== undefined && remotes.has(ofConfig) ? ofConfig : undefined
  const uuid = own ?? [...remotes].find(([, settings]) => isThere(settings))?.[0]
  const known = uuid === undefined ? undefined : remotes.get(uuid)
  if (uuid !== undefined && uuid === original) {
    const message = `git-annex has ${url} on record as the place of ${known?.get('name') ?? uuid}, which is the original's sibling`
    throw from.error('conflict', 'register', message, { sent: 'no' })
  }
  if (uuid !== undefined && new RegExp(`^${uuid} X( |$)`, 'm').test(await records.read('trust.log'))) {
    const message = `git-annex has it on record as ${known?.get('name') ?? uuid}, which is dead: git annex semitrust ${uuid} in a clone, and push`
    throw from.error('conflict', 'register', message, { sent: 'no' })
  }
  const names = new Set([...remotes.values()].map((settings) => settings.get('name')))
  const name = known?.get('name') ?? wanted ?? firstFree(DEFAULT_NAME, names)
  if (wanted !== undefined && (known === undefined ? names.has(wanted) : name !== wanted)) {
    const message =
      known === undefined ? `it has another special remote named ${wanted}` : `the copy is registered as ${name}`
    throw from.error('conflict', 'register', message, { sent: 'no' })
  }
  const like = [...(remotes.get(original ?? '') ?? [])].filter(([key]) => OF_CONTENT.test(key))
  const settings = new Map([['externaltype', 'ora'], ['encryption', 'none'], ...like])
  for (const [key, value] of Object.entries({ type: 'external', 'archive-id': id, name, url })) settings.set(key, value)
  return { uuid: uuid ?? randomUUID(), name, url, isNew: uuid === undefined, settings, original, ofConfig }
}

function firstFree(name: string, taken: ReadonlySet<string | undefined>): string {
  for (let number = 1; ; number++) {
    const each = number === 1 ? name : `${name}-${number}`
    if (!taken.has(each)) return each
  }
}

async function recordsIfThere(copy: StoredDataset, call: CallOptions): Promise<AnnexRecords | undefined> {
  try {
    return await openAnnexRecords(copy, call)
  } catch (error) {
    if (!isStoreError(error, 'missing')) throw error
    return undefined
  }
}

async function haveOneCommitOfOurs(records: AnnexRecords, ofCopy: AnnexRecords | undefined): Promise<boolean> {
  const [one, other] = await Promise.all([records.newest(), ofCopy?.newest()])
  return one?.subject === MESSAGE && one.id === other?.id
}

/**
 * Writes it into the original's branch, and brings that to the copy; where the copy's went another
 * way, it gets the same by a commit of its own. Returns how many keys were noted.
 */
async function record(from: StoredDataset, copy: StoredDataset, plan: Plan, call: CallOptions): Promise<number> {
  const present = await listKeys(copy, call)
  let keys = 0
  const change = async function* (files: BranchFiles) {
    keys = 0
    const remotes = (await files.read('remote.log')) ?? ''
    if (!parseRemoteLog(remotes).has(plan.uuid)) {
      yield { path: 'remote.log', text: withRemote(remotes, plan.uuid, plan.settings) }
    }
    const uuids = (await files.read('uuid.log')) ?? ''
    if (!uuids.split('\n').some((line) => line.startsWith(`${plan.uuid} `))) {
      yield { path: 'uuid.log', text: withDescription(uuids, plan.uuid, plan.name) }
    }
    for await (const file of withNewPlaces(files, present, plan)) {
      if (file.path.endsWith('.log')) keys += 1
      yield file
    }
  }
  const amendment = { ...call, ref: ANNEX_BRANCH, message: MESSAGE, change }
  await amendBranch(from, amendment)
  const noted = keys
  const state = await stateOf(from, call)
  const branch = { ...state, refs: new Map([...state.refs].filter(([ref]) => ref === ANNEX_BRANCH)) }
  const { refused } = await copyRefs(from, branch, copy, call)
  if (refused.length === 0) return noted
  await amendBranch(copy, amendment)
  return Math.max(noted, keys)
}
