import { isStoreError, messageOf } from '../../../core/errors.ts'
import { forEachParallel } from '../../../core/parallel.ts'
import { bufferSource } from '../../../core/source.ts'
import { archivePath } from '../../../ria/layout/paths.ts'
import { objectsDirectory, placesOf, tombstonePath } from '../../../ria/layout/places.ts'
import type { StoredDataset } from '../../../ria/layout/stored-dataset.ts'
import { listTombstones } from '../../../ria/layout/tombstones.ts'
import type { CallOptions } from '../../../store/store.ts'
import { looseFiles, openArchive } from '../../inventory/count-keys.ts'
import { Fingerprints } from '../../inventory/fingerprints.ts'
import type { Bench } from '../bench.ts'
import type { GoodCopies } from '../good-copies.ts'
import { stageGood } from '../mend-key.ts'
import type { Mended } from '../repaired.ts'
import { whyKept } from '../why-kept.ts'
import { archivesBeside } from './archive-copies.ts'
import { keysOnRecord, type Recorded, recordedIn, storedRecords } from './recorded-keys.ts'

export interface MendArchiveOptions {
  /** The dataset's layout version. */
  readonly version: string
  readonly sources: readonly GoodCopies[]
  /** Called with keys that are lost. */
  readonly onKeys?: ((keys: readonly string[], areThere: boolean) => Promise<void>) | undefined
}

/** So many keys are brought back at a time. */
const AT_ONCE = 4

/**
 * Takes an archive away that nobody can read, to be kept in `quarantine/`. Before that each key
 * that git-annex has on record here, and that is not loose, is stored where it belongs, from an
 * archive beside it or from `sources`: read back, and held against its checksum. The others are
 * absent from then on, which is the truth. Throws StoreError.
 */
export async function mendArchive(bench: Bench, options: MendArchiveOptions): Promise<Mended> {
  const { dataset, call } = bench
  const path = archivePath(dataset.directory)
  const stat = await dataset.store.stat(path, call)
  if (stat === undefined) return { outcome: 'mended', how: 'it is gone' }
  const why = await whyWhole(dataset, call)
  if (why !== undefined) return why
  const beside = await archivesBeside(dataset, call)
  try {
    const found = await bringBack(bench, [...beside, ...options.sources], options)
    const kept = isAllBack(found) ? undefined : await whyKept(dataset, NOT_ALL_BACK, call)
    if (kept !== undefined) return kept
    const to = bench.quarantineOf(path)
    await keepArchive(bench, stat.identity, to)
    if (found.lost.length > 0) await options.onKeys?.(found.lost, false)
    return { outcome: isAllBack(found) ? 'mended' : 'quarantined', how: told(found, to) }
  } finally {
    await Promise.all(beside.map((archive) => archive.close()))
  }
}

/** Reads its index, twice if need be. Undefined when nobody can. */
export async function whyWhole(dataset: StoredDataset, call: CallOptions): Promise<Mended | undefined> {
  for (let tries = 1; ; tries++) {
    let isOpen = false
    try {
      const archive = await openArchive(dataset, call)
      isOpen = true
      try {
        for await (const _member of archive?.members(call) ?? []) call.signal?.throwIfAborted()
      } finally {
        await archive?.close()
      }
      return { outcome: 'mended', how: 'it can be read when it is tried again' }
    } catch (error) {
      if (isStoreError(error, 'unsupported')) {
        return { outcome: 'left', how: `it may be whole, and cannot be read here: ${messageOf(error)}` }
      }
      if (!isStoreError(error, 'corrupt')) throw error
      if (isOpen) return { outcome: 'left', how: 'some of it can still be read: riastore archive --verify says what' }
      if (tries === 2) return undefined
    }
  }
}

interface Found {
  /** How many came from where. */
  readonly back: ReadonlyMap<string, number>
  readonly lost: readonly string[]
  /** git-annex's records tell which keys were in it. */
  readonly isKnown: boolean
}

function isAllBack({ isKnown, lost }: Found): boolean {
  return isKnown && lost.length === 0
}

export const NOT_ALL_BACK = 'it is not proven that each key in it has a good copy elsewhere'

async function bringBack(
  bench: Bench,
  copies: readonly GoodCopies[],
  { version, sources }: MendArchiveOptions,
): Promise<Found> {
  const { dataset, call } = bench
  const seen = new Fingerprints()
  for await (const { key, place } of looseFiles(dataset, call)) {
    if (placesOf(key, version).includes(place)) seen.set(key, 1)
  }
  const back = new Map<string, number>()
  const lost: string[] = []
  let isKnown = false
  for (const keys of await recorded(dataset, sources, call)) {
    isKnown = true
    await forEachParallel(keys, AT_ONCE, async (key) => {
      if (seen.set(key, 1) !== undefined) return
      const staged = await stageGood(bench, key, copies)
      if (staged === undefined) {
        lost.push(key)
        return
      }
      await bench.putInPlace(staged.path, `${objectsDirectory(dataset.directory)}/${placesOf(key, version)[0]}`)
      back.set(staged.from, (back.get(staged.from) ?? 0) + 1)
    })
  }
  return { back, lost, isKnown }
}

/** Of the store itself, and of each clone that knows the dataset. */
async function recorded(
  dataset: StoredDataset,
  sources: readonly GoodCopies[],
  call: CallOptions,
): Promise<readonly AsyncIterable<string>[]> {
  const about: Recorded = await recordedIn(dataset, call)
  const records = await Promise.all([storedRecords(dataset, call), ...sources.map((source) => source.records?.(call))])
  const keys = await Promise.all(records.map((each) => each && keysOnRecord(each, about)))
  return keys.filter((each) => each !== undefined)
}

/** With the list of what was dropped from it, for whoever can read it after all. */
async function keepArchive({ dataset, changes, call }: Bench, identity: string, to: string): Promise<void> {
  const { store, directory } = dataset
  const dropped = await listTombstones(dataset, call)
  if (dropped.size > 0) {
    const list = [...dropped].map((name) => `${name}\n`).join('')
    await store.put(`${to}.dropped`, bufferSource(list), { ...call, within: directory })
  }
  await changes.removeArchive(identity, to)
  const paths = [...dropped].map((fileName) => tombstonePath(directory, fileName))
  await changes.removeOwn(paths, { archive: undefined }, 1)
}

/** So many keys are named. */
const NAMED = 3

function told({ back, lost, isKnown }: Found, to: string): string {
  const came = [...back].map(([from, count]) => `${count} of its keys came from ${from}`)
  const names = lost.slice(0, NAMED).join(', ') + (lost.length > NAMED ? ', …' : '')
  const gone = lost.length === 0 ? [] : [`of ${lost.length} no good copy was found (${names})`]
  const unknown = isKnown ? [] : ['which keys were in it nobody can tell: git annex fsck --fast --from tells git-annex']
  return [...came, ...gone, ...unknown, `it is kept as ${to}`].join('; ')
}
