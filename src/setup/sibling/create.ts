import { ConfigError } from '../../core/errors.ts'
import { storeSettings } from '../../ria/settings/store-settings.ts'
import { type OpenSettings, openStore } from '../../store/open.ts'
import { factsOf } from '../../store/schemes.ts'
import type { CallOptions } from '../../store/store.ts'
import type { Dataset } from '../dataset.ts'
import { requireOwnId } from '../dataset-ids.ts'
import { requireSameHistory } from './histories.ts'
import { type CheckedOptions, checkOptions, type SiblingOptions } from './options.ts'
import { placeSibling, type SiblingPlace } from './place.ts'
import { planSibling } from './plan.ts'
import { requirePrograms } from './programs.ts'
import { recordedRemotes } from './recorded-remotes.ts'
import { type Step, siblingSteps } from './steps.ts'
import { Undo } from './undo.ts'

export type { SiblingOptions } from './options.ts'

export interface SiblingCall {
  readonly signal?: AbortSignal | undefined
  /** Told each step once it is done, and remarks, as a line of text. */
  readonly tell?: ((line: string) => void) | undefined
  /** How to open the store: for its log and the waiting time. */
  readonly open?: Partial<OpenSettings> | undefined
}

export interface SiblingResult {
  /** Of the dataset. */
  readonly path: string
  /** Of the dataset in the store. */
  readonly id: string
  /** `notneeded`: nothing was done; `message` says why. */
  readonly status: 'ok' | 'notneeded'
  readonly message: string | undefined
  /** Of the git remote; undefined where none was wanted. */
  readonly name: string | undefined
  readonly url: string | undefined
  readonly pushUrl: string | undefined
  /**
   * Of the special remote; undefined where none was wanted. The uuid is not known before it is
   * made.
   */
  readonly storageName: string | undefined
  readonly storageUuid: string | undefined
  /** For people: the directory of the dataset in the store. */
  readonly stored: string
  readonly alias: string | undefined
  /** What was done, or would be (`dryRun`), in order. */
  readonly steps: readonly string[]
}

/**
 * Sets up the siblings of a dataset in a store: a bare repository there, the special remote for its
 * keys, and the git remote that depends on it. When a step fails, or the signal aborts, what was
 * made is taken back. Throws ConfigError, StoreError and ProgramError.
 */
export async function createSibling(
  opened: Dataset,
  given: SiblingOptions,
  { signal, tell, open }: SiblingCall = {},
): Promise<SiblingResult> {
  const call: CallOptions = { signal }
  const dataset = signal === undefined ? opened : opened.with({ signal })
  const options = checkOptions(given, (await dataset.annexUuid()) !== undefined)
  await requireOwnId(dataset, { signal })
  const git = await dataset.config()
  const place = placeSibling(await idInStore(dataset, options), options, git)
  refuseWithoutPosix(options, place)
  const storage = options.storageName !== undefined
  await requirePrograms([place.location.scheme, place.readLocation.scheme], {
    storage,
    git: options.storageSibling !== 'only',
  })
  const store = await openStore(place.location, {
    ...(await storeSettings(place.location, { git, siblings: [], isNamed: true })),
    ...open,
  })
  try {
    const plan = await planSibling(dataset, store, place, options, call)
    for (const remark of remarks(options, place)) tell?.(remark)
    const uuid = plan.repository.uuid
    const result = (status: SiblingResult['status'], steps: readonly string[]): SiblingResult => ({
      path: dataset.path,
      id: place.id,
      status,
      message: plan.notNeeded,
      name: plan.git ? options.name : undefined,
      url: plan.git ? place.gitUrl : undefined,
      pushUrl: plan.git ? place.gitPushUrl : undefined,
      storageName: options.storageName,
      storageUuid: options.dryRun && plan.special?.do === 'init' ? undefined : uuid,
      stored: `${store.traits.root}/${place.directory}`,
      alias: options.alias,
      steps,
    })
    if (plan.notNeeded !== undefined) return result('notneeded', [])
    if (plan.fetch) await requireSameHistory(dataset, store, place, call)
    const steps = siblingSteps({ dataset, store, place, options, plan })
    if (options.dryRun)
      return result(
        'ok',
        steps.flatMap(({ title }) => title?.plan ?? []),
      )
    return result('ok', await carryOut(steps, signal, tell))
  } finally {
    await store.close()
  }
}

/** Returns what was done. */
async function carryOut(
  steps: readonly Step[],
  signal: AbortSignal | undefined,
  tell: SiblingCall['tell'],
): Promise<readonly string[]> {
  const undo = new Undo()
  const done: string[] = []
  const note = (line: string) => {
    tell?.(line)
    done.push(line)
  }
  const call = { undo, tell: note, signal }
  try {
    for (const { title, run } of steps) {
      signal?.throwIfAborted()
      await run(call)
      if (title !== undefined) note(title.done)
    }
    return done
  } catch (error) {
    if (!undo.isEmpty) tell?.('taking back what was made')
    for (const line of await undo.run()) tell?.(line)
    throw error
  }
}

/**
 * The id under which a dataset lies in a store: DataLad's; in a plain git-annex repository that of
 * its storage sibling, if it has one, else its annex uuid.
 */
async function idInStore(dataset: Dataset, { storageName }: CheckedOptions): Promise<string> {
  if (dataset.id !== undefined) return dataset.id
  const uuid = await dataset.annexUuid()
  if (uuid === undefined) {
    throw new ConfigError(`${dataset.path} has neither an id of DataLad's nor a git-annex: run git annex init there`)
  }
  if (storageName === undefined) return uuid
  const remotes = await recordedRemotes(dataset)
  const named = remotes.find(({ name, settings }) => name === storageName && settings.get('externaltype') === 'ora')
  return named?.settings.get('archive-id') ?? uuid
}

/** Object stores and SFTP have no groups by name. */
function refuseWithoutPosix({ shared, group }: CheckedOptions, { location }: SiblingPlace): void {
  const { place, permissions } = factsOf(location)
  if (permissions === 'none' && (shared ?? group) !== undefined) {
    throw new ConfigError(
      `--shared and --group mean nothing in ${place}: there, the policy of the server says who may do what`,
    )
  }
  if (permissions === 'modes' && group !== undefined) {
    throw new ConfigError('--group needs a shell where the store lies: use ria+ssh://')
  }
}

function remarks({ postUpdateHook }: CheckedOptions, { location }: SiblingPlace): string[] {
  if (!postUpdateHook || factsOf(location).repositoryBy === 'shell') return []
  return ['--post-update-hook is not needed there: every push writes what a plain web server serves']
}
