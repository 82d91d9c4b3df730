import { isStoreError, messageOf } from '../../core/errors.ts'
import { type Alias, setAlias } from '../../git/alias.ts'
import { copyRefs, showNewest, stateOf } from '../../git/copy-refs.ts'
import type { OwnRecord } from '../../git/objects/has-all.ts'
import { refuseLoss } from '../../git/refuse-loss.ts'
import { isAppendOnly, requireRemovable } from '../../ria/layout/append-only.ts'
import { archivePath, LAYOUT_FILE, parseLayoutVersion } from '../../ria/layout/paths.ts'
import { readSharing } from '../../ria/layout/read-layout.ts'
import { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Entry, Store } from '../../store/store.ts'
import { copyArchive } from './copy-archive.ts'
import { copyFiles, showDataset } from './copy-files.ts'
import { type CopiedKeys, copyKeys, describeProblem, proveKeys } from './copy-keys.ts'
import { KeysThere } from './keys-there.ts'
import { CopyMarker, findMarkers, removeMarkers } from './marker.ts'
import { type GoneKeys, type PutAside, trashGoneKeys } from './trash-gone.ts'

/** So often keys may be packed or unpacked, or moved by others, while they are copied. */
const TRIES = 5

/** No layout file is longer. Bytes. */
const SMALL_FILE_BYTES = 1024 * 1024

export interface CopyDatasetOptions extends CallOptions {
  readonly dryRun?: boolean | undefined
  /** Refs of the copy that went another way are set to where the original's are. */
  readonly force?: boolean | undefined
  /** All names in the store that it is copied from, and in that it is copied to. */
  readonly aliases: readonly Alias[]
  readonly aliasesThere: readonly Alias[]
  readonly onKeys?: ((done: number, bytes: number) => void) | undefined
  /** Puts keys aside that the original has no more. Default: they stay. */
  readonly putAside?: PutAside | undefined
  /** As of `copyRefs`. */
  readonly madeAgain?: OwnRecord | undefined
}

export interface CopyReport {
  readonly dryRun: boolean
  /** The dataset was not there. */
  readonly made: boolean
  /** Loose keys that were copied, and their bytes. */
  readonly keys: number
  readonly bytes: number
  /** Loose keys that the copy had already. */
  readonly kept: number
  /** Of the archive, if it was copied. */
  readonly archiveBytes: number
  /** Refs that were made or moved. */
  readonly refs: number
  /** Keys that the original has no more, and that were put aside, or would be. */
  readonly gone: GoneKeys
  /** Names that the copy got. */
  readonly newAliases: readonly string[]
  /** What could not be copied, a line each. */
  readonly problems: readonly string[]
}

/**
 * Copies a dataset into another store, or what is new of it: first the keys and the archive, then
 * the refs as they were at the beginning, with their objects, and the layout file last, so that
 * nobody finds a dataset that is not whole, nor a ref that names content which is not there yet.
 * Nothing that the copy has is removed but by `putAside`. Throws StoreError; what can go on without
 * is a problem.
 */
export async function copyDataset(from: StoredDataset, to: Store, options: CopyDatasetOptions): Promise<CopyReport> {
  const { dryRun = false, force, madeAgain, aliases, aliasesThere, onKeys, signal } = options
  const call = { signal }
  const copy = new StoredDataset(to, from.directory, from.name)
  const version = await versionOf(from, call)
  const found = await versionIfThere(copy, call)
  if (found !== undefined && found !== version) {
    const message = `the copy has layout version ${found}, and the original ${version}`
    throw copy.error('conflict', 'copy', message, { path: copy.path(LAYOUT_FILE), sent: 'no' })
  }
  const made = found === undefined
  if (force && !made) await requireRemovable(copy, 'copy --force', call)
  // What is pushed from here on is for the next run: its keys may not be copied yet.
  const state = await stateOf(from, call)
  const markers = await findMarkers(copy, call)
  const prove = (listed: Map<string, Entry>) => proveKeys(from, copy, listed, markers, call)
  const there = await KeysThere.open(copy, dryRun ? call : { ...call, prove })
  const marker = new CopyMarker(copy, call)
  let leftOut: readonly string[] = []
  if (!dryRun) {
    if (made) {
      await marker.begin()
      leftOut = await copyFiles(from, copy, call)
    }
  }
  const sharing = await readSharing(copy, call)
  const { keys, archiveBytes } = await copyContent(from, copy, there, marker, {
    ...options,
    sharing,
    version,
    wasKilled: markers.length > 0,
  })
  if (!dryRun) await removeMarkers(copy, markers, call)
  const beforeChange = () => marker.begin()
  const refs = await copyRefs(from, state, copy, { ...call, force, dryRun, madeAgain, beforeChange })
  if (!dryRun && markers.length > 0) await showNewest(copy, call)
  if (made && !dryRun) {
    if (await isAppendOnly(to, undefined, call)) await refuseLoss(copy, call)
    await showDataset(from, copy, { ...call, sharing })
  }
  if (!dryRun) await marker.remove()
  const { putAside } = options
  const mayHaveMore = putAside !== undefined && !made
  const gone = mayHaveMore
    ? await trashGoneKeys(from, copy, { ...call, dryRun, version, putAside })
    : { keys: 0, bytes: 0 }
  const known = new Set(aliasesThere.filter(({ directory }) => directory === copy.directory).map(({ name }) => name))
  const wanted = aliases.filter(({ name, directory }) => directory === copy.directory && !known.has(name))
  const named = await copyAliases(copy, wanted, { ...call, dryRun })
  onKeys?.(keys.keys, keys.bytes)
  const wayOut = madeAgain ? 'fetch both in a clone, merge, and push to the original' : '--force sets it back'
  return {
    dryRun,
    made,
    keys: keys.keys,
    bytes: keys.bytes,
    kept: keys.kept,
    archiveBytes,
    refs: refs.changed.length,
    gone,
    newAliases: named.made,
    problems: [
      ...keys.problems.map(describeProblem),
      ...leftOut.map((key) => `its configuration was copied without ${key}: set it there if it is yours`),
      ...refs.refused.map((ref) => `${ref} of the copy has what the original has not, and stays as it is: ${wayOut}`),
      ...named.problems,
    ],
  }
}

interface ContentOptions extends CopyDatasetOptions {
  readonly sharing: Awaited<ReturnType<typeof readSharing>>
  readonly version: string
  readonly wasKilled: boolean
}

/** Keys may go into the archive, or come out of it, meanwhile: until a round saw none that did. */
async function copyContent(
  from: StoredDataset,
  copy: StoredDataset,
  there: KeysThere,
  marker: CopyMarker,
  { sharing, version, wasKilled, dryRun, onKeys, signal }: ContentOptions,
): Promise<{ readonly keys: CopiedKeys; readonly archiveBytes: number }> {
  const call = { signal }
  let sum = { keys: 0, bytes: 0, kept: 0 }
  let archiveBytes = 0
  for (let tries = 1; ; tries++) {
    const onRound = (keys: number, bytes: number) => onKeys?.(sum.keys + keys, sum.bytes + bytes)
    const before = (await from.store.stat(archivePath(from.directory), call))?.identity
    const round = await copyKeys(from, copy, there, marker, { ...call, sharing, dryRun, onKeys: onRound })
    sum = { keys: sum.keys + round.keys, bytes: sum.bytes + round.bytes, kept: sum.kept || round.kept }
    const archive = await copyArchive(from, copy, { ...call, sharing, dryRun, there, version, wasKilled }).catch(
      (error: unknown) => {
        // It was replaced while it was read: that of the next round is another.
        if (!isStoreError(error, 'conflict', 'missing') || !error.where.startsWith(from.where())) throw error
        return undefined
      },
    )
    archiveBytes += archive?.bytes ?? 0
    const isStill = archive !== undefined && archive.identity === before && !round.moved
    if (dryRun || isStill) return { keys: { ...round, ...sum }, archiveBytes }
    if (tries === TRIES) throw from.error('conflict', 'copy', 'its keys are moved all the time: copy it again later')
  }
}

async function copyAliases(
  copy: StoredDataset,
  aliases: readonly Alias[],
  { dryRun, ...call }: CallOptions & { readonly dryRun: boolean },
): Promise<{ readonly made: readonly string[]; readonly problems: readonly string[] }> {
  const made: string[] = []
  const problems: string[] = []
  for (const { name } of aliases) {
    try {
      if (!dryRun) await setAlias(copy, name, call)
      made.push(name)
    } catch (error) {
      if (!isStoreError(error, 'conflict')) throw error
      problems.push(`the alias ~${name}: ${messageOf(error)}`)
    }
  }
  return { made, problems }
}

async function versionOf(dataset: StoredDataset, call: CallOptions): Promise<string> {
  const text = (await dataset.readSmall(LAYOUT_FILE, SMALL_FILE_BYTES, call)).toString()
  return parseLayoutVersion(text, dataset.where(dataset.path(LAYOUT_FILE))).version
}

async function versionIfThere(dataset: StoredDataset, call: CallOptions): Promise<string | undefined> {
  const text = await dataset.findSmall(LAYOUT_FILE, SMALL_FILE_BYTES, call)
  return text && parseLayoutVersion(text.toString(), dataset.where(dataset.path(LAYOUT_FILE))).version
}
