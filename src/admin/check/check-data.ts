import type { Archive } from '../../archive/archive.ts'
import { checksumOf } from '../../core/checksum.ts'
import { isStoreError, messageOf } from '../../core/errors.ts'
import { parseKey } from '../../core/key.ts'
import { forEachParallel } from '../../core/parallel.ts'
import type { Bytes } from '../../core/source.ts'
import { archivePath } from '../../ria/layout/paths.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import { openArchive } from '../inventory/count-keys.ts'
import { partOf } from '../inventory/part.ts'
import { repairFrom } from './check-keys.ts'
import { Copies, type CopyToRead } from './copies.ts'
import type { Problem, Report } from './problem.ts'
import type { SeenGood } from './seen-good.ts'
import type { Subset } from './subset.ts'

export interface DataOptions extends CallOptions {
  readonly subset?: Subset | undefined
  /** When to begin with no other key, in ms since 1970. */
  readonly untilMs?: number | undefined
  readonly seenGood: SeenGood
  readonly onChecked?: ((bytes: number) => void) | undefined
}

export interface DataChecked {
  readonly checked: number
  readonly checkedBytes: number
  /** Keys without a checksum that we can compute: of them only the length is known to be right. */
  readonly withoutChecksum: number
  /** Keys that were not read: the time was over, they were moved, or they cannot be read here. */
  readonly left: number
}

/** It is written down that often what was found good, so that a run that is killed was of use. */
const SAVE_EVERY_MS = 60_000

/**
 * Reads the content of a dataset's keys, those that were read longest ago first, and holds it
 * against their checksums. Throws StoreError when the store cannot be reached.
 */
export async function checkData(dataset: StoredDataset, report: Report, options: DataOptions): Promise<DataChecked> {
  const { seenGood, untilMs = Number.POSITIVE_INFINITY, signal } = options
  const copies = await Copies.list(dataset, { signal })
  let [checked, checkedBytes, withoutChecksum, left] = [0, 0, 0, 0]
  let savedMs = Date.now()
  const archive = copies.hasArchived ? await openArchive(dataset, { signal }) : undefined
  const begun = Math.max(1, Math.floor(dataset.store.traits.maxInFlight / 2))
  try {
    await forEachParallel(select(copies, options), begun, async (index) => {
      const copy = copies.at(index)
      if (Date.now() >= untilMs) {
        left += 1
        return
      }
      const verdict = await verdictOf(dataset, archive, copy, { signal })
      if (verdict.outcome === 'gone') return
      if (verdict.outcome === 'moved' || verdict.outcome === 'unreadable') {
        left += 1
        if ('why' in verdict) report(problemOf(dataset, copy, verdict, seenGood))
        return
      }
      checked += 1
      checkedBytes += copy.size
      options.onChecked?.(copy.size)
      if (verdict.outcome === 'no checksum') withoutChecksum += 1
      if ('why' in verdict) report(problemOf(dataset, copy, verdict, seenGood))
      else seenGood.add(copy.key, Date.now())
      if (Date.now() - savedMs < SAVE_EVERY_MS) return
      savedMs = Date.now()
      await seenGood.save()
    })
  } finally {
    await archive?.close()
    if (checked > 0) await seenGood.save()
  }
  return { checked, checkedBytes, withoutChecksum, left }
}

/** The key is not known to be good any more. */
function problemOf(
  dataset: StoredDataset,
  { key, path = archivePath(dataset.directory) }: CopyToRead,
  { outcome, why }: Extract<Verdict, { readonly why: string }>,
  seenGood: SeenGood,
): Problem {
  const sinceMs = seenGood.timeOf(key)
  const about = { path, dataset: dataset.directory.replace('/', ''), key, sinceMs, weight: 'damage' } as const
  if (outcome === 'unreadable') {
    return { ...about, code: 'unreadable', message: why, mend: 'run it where, and as somebody who, can read it' }
  }
  seenGood.addDamaged(key)
  const since = sinceMs === undefined ? '' : `; it was good on ${new Date(sinceMs).toISOString().slice(0, 10)}`
  const message = `the content is not that of the key: ${why}${since}`
  return { ...about, code: 'data-damaged', message, mend: repairFrom(dataset) }
}

/** Which of the copies are to be read, in order. */
function select(copies: Copies, { subset, seenGood }: DataOptions): Uint32Array {
  const all = Uint32Array.from({ length: copies.count }, (_, i) => i)
  if (subset === 'damaged') return all.filter((i) => seenGood.isDamaged(copies.keyAt(i)))
  if (subset !== undefined && 'of' in subset) {
    return all.filter((i) => partOf(copies.keyAt(i), subset.of) === subset.part)
  }
  const times = Float64Array.from(all, (i) => seenGood.timeOf(copies.keyAt(i)) ?? 0)
  all.sort((a, b) => (times[a] ?? 0) - (times[b] ?? 0))
  if (subset === undefined) return all
  if ('share' in subset) return all.subarray(0, Math.ceil(all.length * subset.share))
  let bytes = 0
  const end = all.findIndex((i) => {
    bytes += copies.sizeAt(i)
    return bytes > subset.bytes
  })
  return end < 0 ? all : all.subarray(0, end)
}

export type Verdict =
  | { readonly outcome: 'good' | 'no checksum' | 'gone' | 'moved' }
  | { readonly outcome: 'damaged' | 'unreadable'; readonly why: string }

export async function verdictOf(
  dataset: StoredDataset,
  archive: Archive | undefined,
  copy: CopyToRead,
  call: CallOptions,
): Promise<Verdict> {
  const key = parseKey(copy.key)
  const checksum = checksumOf(key)
  let length = 0
  let hex: string | undefined
  const consume = async (bytes: Bytes) => {
    const hasher = await checksum?.start()
    length = 0
    for await (const chunk of bytes) {
      hasher?.update(chunk)
      length += chunk.length
    }
    hex = hasher?.hex()
  }
  try {
    if (copy.path !== undefined) await dataset.store.get(copy.path, consume, call)
    else {
      const member = copy.member === undefined ? undefined : await archive?.find(copy.member)
      if (archive === undefined || member === undefined) return { outcome: 'gone' }
      await archive.read(member, consume, call)
    }
  } catch (error) {
    if (isStoreError(error, 'missing')) return { outcome: 'gone' }
    if (isStoreError(error, 'conflict')) return { outcome: 'moved' }
    if (isStoreError(error, 'corrupt')) return { outcome: 'damaged', why: messageOf(error) }
    // Of a member that is packed in a way that cannot be read here nobody knows that it is damaged.
    if (isStoreError(error, 'denied', 'unsupported')) return { outcome: 'unreadable', why: messageOf(error) }
    throw error
  }
  if (key.size !== undefined && key.size !== length) {
    return { outcome: 'damaged', why: `it has ${length} bytes, the key ${key.size}` }
  }
  if (checksum === undefined) return { outcome: 'no checksum' }
  return hex === checksum.expected ? { outcome: 'good' } : { outcome: 'damaged', why: 'it has another checksum' }
}
