import { resolve } from 'node:path'
import type { CopyDatasetOptions, CopyReport } from '../admin/copy/copy-dataset.ts'
import { requireTwoPlaces } from '../admin/copy/same-place.ts'
import { ConfigError, isStoreError } from '../core/errors.ts'
import { type Alias, listAliases } from '../git/alias.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import { findStore, makeStore } from '../ria/make-store.ts'
import { factsOf } from '../store/schemes.ts'
import type { CallOptions, Store } from '../store/store.ts'
import type { Console } from './console.ts'
import type { DatasetNames } from './dataset-names.ts'
import { type EachOptions, forEachDataset } from './each-dataset.ts'
import { limitsOf } from './limits.ts'
import { type NamedStore, openNamedStore, parseStore } from './open-store.ts'
import type { PortionArgs } from './portion.ts'
import { formatSize } from './quantities.ts'
import { counted } from './tables.ts'

export interface CopyArguments extends PortionArgs {
  readonly src: string
  readonly dst: string
  readonly datasets: readonly string[]
  readonly jobs?: string | undefined
  readonly bwlimit?: string | undefined
}

/** The two stores of a copy. */
export interface Ends {
  readonly from: NamedStore
  readonly named: NamedStore
  readonly to: Store
  /** No dataset was named. */
  readonly all: boolean
}

/** A dataset that is to be copied, and what `copyDataset` has to be told besides. */
export type CopyWork = (
  dataset: StoredDataset,
  names: DatasetNames,
  options: Pick<CopyDatasetOptions, 'signal' | 'dryRun' | 'aliases' | 'aliasesThere' | 'onKeys'>,
  ends: Ends,
) => Promise<number>

/**
 * Opens two stores, and makes the second where nothing is; does `work` for each dataset, and
 * `afterwards`, with the exit code of all. Resolves with an exit code.
 */
export async function forEachCopied(
  console: Console,
  args: CopyArguments,
  each: EachOptions,
  work: CopyWork,
  afterwards: (code: number, ends: Ends) => Promise<number> = async (code) => code,
): Promise<number> {
  const { src, dst, datasets, dryRun } = args
  const call = { signal: console.signal }
  const named = await parseStore(dst, { forWriting: true })
  if (named.dataset !== undefined) throw new ConfigError(`DST is a whole store: leave #${named.dataset} away`)
  const from = await parseStore(src, { forWriting: each.forWriting === true })
  const all = datasets.length === 0 && from.dataset === undefined
  const to = await openNamedStore(named, limitsOf(args))
  const ends = { from, named, to, all }
  try {
    let aliases: readonly Alias[] | undefined
    let aliasesThere: readonly Alias[] | undefined
    const code = await forEachDataset(console, { ...args, store: src, all }, each, async (dataset, names) => {
      if (dataset.store.traits.root === to.traits.root) throw new ConfigError('SRC and DST are the same store')
      if (aliasesThere === undefined && !(await requireStore(to, factsOf(named.location).directories, dryRun, call))) {
        aliasesThere = [] // it would be made
      }
      if (aliasesThere === undefined && dryRun !== true) await requireTwoStores(dataset.store, to, call)
      aliases ??= await listAliases(dataset.store, call)
      aliasesThere ??= await listAliases(to, call)
      const onKeys = (keys: number) =>
        console.progress.show({ label: `${dataset.name} copying`, done: keys, total: 0, unit: 'keys' })
      return work(dataset, names, { ...call, dryRun, aliases, aliasesThere, onKeys }, ends)
    })
    return await afterwards(code, ends)
  } finally {
    await to.close()
  }
}

/**
 * Sees to it that the store is there, or would be. False: it is not, and nothing was to be changed.
 */
async function requireStore(
  store: Store,
  directories: boolean,
  dryRun: boolean | undefined,
  call: CallOptions,
): Promise<boolean> {
  if (dryRun) return (await findStore(store, call)) === 'store'
  await makeStore(store, directories, call)
  return true
}

/** By what one of them shows that was put into the other, where we may put something there. */
async function requireTwoStores(from: Store, to: Store, call: CallOptions): Promise<void> {
  try {
    await requireTwoPlaces({ store: from, directory: '' }, { store: to, directory: '' }, call)
  } catch (error) {
    if (!isStoreError(error, 'denied', 'unsupported')) throw error
  }
}

/** As a clone has to name the store. */
export function urlOf({ shown }: NamedStore): string {
  return shown.startsWith('ria+') ? shown : `ria+file://${resolve(shown)}`
}

/** What was copied, in a line. */
export function describeCopied(report: CopyReport): string {
  const { dryRun, keys, bytes, kept, archiveBytes, refs, newAliases, gone } = report
  const copied = [
    ...(keys > 0 ? [`${counted(keys, 'key')}, ${formatSize(bytes)}`] : []),
    ...(archiveBytes > 0 ? [`an archive of ${formatSize(archiveBytes)}`] : []),
    ...(refs > 0 ? [counted(refs, 'ref')] : []),
    ...newAliases.map((alias) => `~${alias}`),
  ]
  const had = kept > 0 ? ` (${counted(kept, 'key')} ${kept === 1 ? 'was' : 'were'} there)` : ''
  const size = formatSize(gone.bytes)
  const went = gone.keys > 0 ? `; ${dryRun ? 'would remove' : 'removed'} ${counted(gone.keys, 'key')}, ${size}` : ''
  if (copied.length === 0 && went === '') return `nothing new${had}`
  return `${dryRun ? 'would copy' : 'copied'} ${copied.join('; ') || 'nothing'}${had}${went}`
}
