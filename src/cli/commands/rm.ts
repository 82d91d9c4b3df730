import { countKeys } from '../../admin/inventory/count-keys.ts'
import { type Parent, parentsOf, remotesOf } from '../../admin/trash/before-removal.ts'
import { deleteEntry } from '../../admin/trash/empty-trash.ts'
import { type ForgottenVersions, forgetVersions } from '../../admin/trash/forget-versions.ts'
import { goOnRemoving, isInTrash, requireNothingLeft } from '../../admin/trash/go-on.ts'
import { removeDataset } from '../../admin/trash/remove-dataset.ts'
import { type SharedHistory, sharedHistoryOf } from '../../admin/trash/shared-history.ts'
import { ConfigError, isStoreError } from '../../core/errors.ts'
import { printable } from '../../core/printable.ts'
import { listAliases } from '../../git/alias.ts'
import { findDataset, realDataset } from '../../ria/layout/datasets.ts'
import { hasGravestone } from '../../ria/layout/gravestone.ts'
import { datasetDirectory, LAYOUT_FILE } from '../../ria/layout/paths.ts'
import { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import type { ArgsOf } from '../command.ts'
import { confirmDeletion } from '../confirm-deletion.ts'
import type { Console } from '../console.ts'
import type { DatasetNames } from '../dataset-names.ts'
import { forEachDataset } from '../each-dataset.ts'
import { EXIT } from '../exit-codes.ts'
import { formatSize, parseAge } from '../quantities.ts'
import type { RM } from '../table/trash.ts'
import { counted } from '../tables.ts'
import { type ForgottenCaches, forgetCaches } from './forget-caches.ts'

/** `riastore rm` */
export async function run(console: Console, args: ArgsOf<typeof RM>): Promise<number> {
  const { now = false, force = false, dryRun = false, breakLock } = args
  const call = { signal: console.signal }
  const keepMs = now ? 0 : parseAge('keep', args.keep)
  const which = [args.store, ...args.datasets].filter((word) => word !== undefined).join(' ')
  if (which === '') throw new ConfigError('which dataset? Give ids or ~aliases')
  const question = now ? `Delete ${which} for good?` : `Remove ${which}?`
  if (!(await confirmDeletion(console, args, question))) return EXIT.failed
  const each = { action: 'rm', forWriting: true, names: true, find: findAlsoInTrash }
  return forEachDataset(console, args, each, async (given, names) => {
    if (await isGone(given, call)) return goOn(console, given, names, args)
    const dataset = await realDataset(given, call)
    const parents = await parentsOf(dataset, call)
    if (parents.length > 0 && !force) throw new ConfigError(refusal(dataset, parents))
    const proof = await proofOf(dataset, call)
    const history = now ? await sharedHistoryOf(dataset, call) : undefined
    const said = { type: 'dataset', action: 'rm', ...names, dryRun, now, parents, ...history }
    if (dryRun) {
      console.report({ ...said, ...proof }, () => `${printable(given.name)}: would remove ${describe(proof)}`)
      return EXIT.done
    }
    const aliases = (await listAliases(dataset.store, call)).filter(({ directory }) => directory === dataset.directory)
    const entry = await removeDataset(dataset, { ...call, aliases: aliases.map(({ name }) => name), keepMs, breakLock })
    if (!now) {
      const until = new Date(entry.untilMs).toISOString()
      console.report({ ...said, ...proof, until }, () =>
        printable(
          `${given.name}: removed ${describe(proof)}; riastore restore brings it back until ${until.slice(0, 10)}`,
        ),
      )
      return EXIT.done
    }
    const deleted = await deleteEntry(dataset.store, entry.path, { ...call, isDue: () => true })
    // What was taken out of it before, its keys among that, or a dataset that was there before it.
    const before = await goOnRemoving(dataset, { ...call, now, breakLock })
    await requireNothingLeft(dataset, call)
    const versions = await forgetVersions(
      dataset,
      aliases.map(({ name }) => name),
      call,
    )
    const caches = await forgetCaches(dataset)
    const files = (deleted?.files ?? 0) + before.files
    const fileBytes = (deleted?.bytes ?? 0) + before.bytes
    console.report({ ...said, ...proof, files, fileBytes, ...forPrograms(versions), caches }, () =>
      [
        printable(`${given.name}: deleted ${describe(proof)}; ${counted(files, 'file')}, ${whatIsLeft(versions)}`),
        ...cacheLines(caches),
        ...historyLines(history),
        ...(proof.remotes.length === 0 ? [] : ['git-annex knew these, which may have copies:']),
        ...proof.remotes.map((line) => `  ${printable(line)}`),
      ].join('\n'),
    )
    return exitOf(console, given.name, versions, caches)
  })
}

/** Its place is empty: what can be done is in the trash, or in what the server keeps. */
async function isGone(dataset: StoredDataset, call: CallOptions): Promise<boolean> {
  return (await dataset.store.stat(dataset.path(LAYOUT_FILE), call)) === undefined
}

/**
 * Also one that is in the trash, or was there and is deleted: its removal may have been broken off.
 */
async function findAlsoInTrash(store: Store, name: string, call: CallOptions = {}): Promise<StoredDataset> {
  try {
    return await findDataset(store, name, call)
  } catch (error) {
    if (!isStoreError(error, 'missing') || name.startsWith('~')) throw error
    const dataset = new StoredDataset(store, datasetDirectory(name), name)
    if (!(await isInTrash(dataset, call)) && !(await hasGravestone(dataset, call))) throw error
    return dataset
  }
}

async function goOn(
  console: Console,
  dataset: StoredDataset,
  names: DatasetNames,
  { now = false, dryRun = false, breakLock }: ArgsOf<typeof RM>,
): Promise<number> {
  const call = { signal: console.signal }
  const done = await goOnRemoving(dataset, { ...call, now, dryRun, breakLock })
  // It is not here, and nothing was left to be done: that is told as of any other.
  const isDeleted = now && !dryRun
  if (isDeleted) await requireNothingLeft(dataset, call)
  const versions = isDeleted ? await forgetVersions(dataset, names.aliases, call) : undefined
  const caches = isDeleted ? await forgetCaches(dataset) : undefined
  const hadVersions = versions !== undefined && (versions.removed > 0 || versions.left !== 0)
  if (done.finished + done.entries === 0 && !hadVersions) await findDataset(dataset.store, dataset.name, call)
  const { finished, files, bytes: fileBytes } = done
  const said = { type: 'dataset', action: 'rm', ...names, dryRun, now, finished, files, fileBytes }
  console.report({ ...said, ...(versions && forPrograms(versions)), caches }, () => {
    const left = versions === undefined ? '' : `, ${whatIsLeft(versions)}`
    const what = now ? `deleted what was in the trash, ${counted(files, 'file')}${left}` : 'finished its removal'
    const said = printable(`${dataset.name}: ${dryRun ? 'would go on with its removal' : what}`)
    return [said, ...cacheLines(caches)].join('\n')
  })
  return exitOf(console, dataset.name, versions, caches)
}

/** What became of what the server kept, for programs. */
function forPrograms({ versioning, removed, bytes, left }: ForgottenVersions) {
  return { left, ...(versioning === 'none' ? {} : { versioning, versions: removed, versionBytes: bytes }) }
}

function whatIsLeft({ removed, bytes, left }: ForgottenVersions): string {
  const also =
    removed === 0 ? '' : `and ${counted(removed, 'version')} that the server had kept, ${formatSize(bytes)}; `
  if (left === undefined) return `${also}none is left that we may see, and what the server keeps nobody knows`
  return `${also}${left === 0 ? 'none is left' : `${counted(left, 'version')} of them are left at the server`}`
}

function cacheLines(caches: ForgottenCaches | undefined): string[] {
  if (caches === undefined || caches.files === 0) return []
  return [`removed from the caches of this machine: ${counted(caches.files, 'file')}, ${formatSize(caches.bytes)}`]
}

/** What is left, or may be, is a problem: the proof is none. */
function exitOf(
  console: Console,
  name: string,
  versions: ForgottenVersions | undefined,
  caches: ForgottenCaches | undefined,
): number {
  if (caches !== undefined && caches.left > 0) {
    const what = 'are still in use, or cannot be removed'
    console.complain(printable(`${name}: ${counted(caches.left, 'file')} in the caches of this machine ${what}`))
  }
  if (versions !== undefined && versions.left !== 0) {
    const isUnknown = versions.left === undefined
    const what = isUnknown ? 'whether the server keeps versions is not known' : 'the server keeps versions'
    console.complain(printable(`${name}: ${what}: ${versions.why}`))
  }
  const isLeft = (kept: { readonly left: number | undefined } | undefined) => kept !== undefined && kept.left !== 0
  return isLeft(versions) || isLeft(caches) ? EXIT.problems : EXIT.done
}

type Proof = Awaited<ReturnType<typeof proofOf>>

/** What the dataset was, before it goes. */
async function proofOf(dataset: StoredDataset, call: CallOptions) {
  const { loose, looseBytes, archived, archivedBytes, archiveBytes } = await countKeys(dataset, call)
  return { keys: { loose, looseBytes, archived, archivedBytes, archiveBytes }, remotes: await remotesOf(dataset, call) }
}

function describe({ keys }: Proof): string {
  const archived =
    keys.archived === 0 ? '' : ` and ${counted(keys.archived, 'archived key')}, ${formatSize(keys.archiveBytes)}`
  return `${counted(keys.loose, 'loose key')}, ${formatSize(keys.looseBytes)}${archived}, and its git repository`
}

function historyLines(history: SharedHistory | undefined): string[] {
  const { sharedHistory: shared = [], unknownHistory: unknown = [] } = history ?? {}
  const who = unknown.includes('*') ? 'any dataset of the store' : unknown.join(', ')
  return [
    ...(shared.length === 0
      ? []
      : [`these datasets of the store have commits of it, which stay: ${shared.join(', ')}`]),
    ...(unknown.length === 0
      ? []
      : [`whether ${who} has commits of it is not known, for git objects could not be read`]),
  ]
}

function refusal(dataset: StoredDataset, parents: readonly Parent[]): string {
  const [{ id, path } = { id: '', path: '' }] = parents
  const others = parents.length > 1 ? ` and ${parents.length - 1} more` : ''
  return `${dataset.name} is a subdataset of ${id} (${path})${others}: --force removes it all the same`
}
