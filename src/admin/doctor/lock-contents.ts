import { isStoreError, messageOf } from '../../core/errors.ts'
import type { Outcome } from '../../core/finding.ts'
import { forEachParallel } from '../../core/parallel.ts'
import { archivePath, LAYOUT_FILE } from '../../ria/layout/paths.ts'
import { objectsDirectory } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { S3Probe } from '../../store/s3/probe.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { isTemporaryName } from '../../store/temporary.ts'

/** A day, in ms. */
const DAY_MS = 86_400_000

export interface LockOptions extends CallOptions {
  /** The last day, `2030-12-31` (UTC); a lock has an end. */
  readonly until: string | undefined
}

/**
 * Has a bucket lock what is in datasets and never changes (keys, archives, git's objects), and what
 * says that they are append-only, if it can. What that came to is told: what is not locked
 * somebody can delete.
 */
export async function lockContents(
  store: Store,
  probe: S3Probe,
  datasets: AsyncIterable<StoredDataset> | Iterable<StoredDataset>,
  { until, signal }: LockOptions,
): Promise<Outcome> {
  const call = { signal }
  const { versioning, objectLock } = (await store.keeping?.(call)) ?? { versioning: undefined, objectLock: undefined }
  if (objectLock === undefined)
    return ['warning', 'not known: we may not look (s3:GetBucketObjectLockConfiguration), and nothing was locked']
  if (objectLock === 'off') return ['warning', `there is none in this bucket, ${WHO[versioning ?? 'unknown']}`]
  if (until === undefined) return ['warning', 'nothing was locked: a lock has an end, which --until says']
  const untilMs = Date.parse(`${until}T00:00:00Z`) + DAY_MS
  let [locked, refused] = [0, 0]
  let why: string | undefined
  const lock = async (path: string) => {
    try {
      await probe.lock(path, untilMs, call)
      locked += 1
    } catch (error) {
      if (isStoreError(error, 'missing')) return // packed, or unpacked, meanwhile
      if (!isStoreError(error, 'denied', 'unsupported')) throw error
      refused += 1
      why ??= messageOf(error)
    }
  }
  // Some servers say yes to a day that they cannot write down (Ceph 16: from 2106 on).
  await lock(LAYOUT_FILE)
  const heldMs = locked === 0 ? undefined : await heldUntil(probe, call)
  if (heldMs !== undefined && heldMs < untilMs) {
    const said = new Date(heldMs).toISOString().slice(0, 10)
    return ['warning', `nothing else was locked: the server took ${until} and made it ${said}`]
  }
  await forEachParallel(pathsToLock(store, datasets, call), store.traits.maxInFlight, lock)
  const done = `${locked} objects are locked until ${until} (GOVERNANCE)`
  if (refused > 0) return ['warning', `${done}, and ${refused} are not: ${why}`]
  return ['ok', `${done}; what comes later is when the same is said again`]
}

/** Undefined where we may not look: then what it answered has to do. */
async function heldUntil(probe: S3Probe, call: CallOptions): Promise<number | undefined> {
  try {
    return await probe.lockedUntil(LAYOUT_FILE, call)
  } catch (error) {
    if (!isStoreError(error, 'denied', 'unsupported')) throw error
    return undefined
  }
}

const WHO = {
  on: 'so who may delete versions, can',
  suspended: 'so who may delete, can',
  off: 'which keeps no versions: whatever a program removes or replaces is gone',
  unknown: 'so who may delete, can',
} as const

/** What is replaced as a matter of course is not among it: refs, locks, what is under way. */
async function* pathsToLock(
  store: Store,
  datasets: AsyncIterable<StoredDataset> | Iterable<StoredDataset>,
  call: CallOptions,
): AsyncGenerator<string, void, void> {
  for await (const { directory } of datasets) {
    for (const path of [`${directory}/${LAYOUT_FILE}`, archivePath(directory)]) {
      if ((await store.stat(path, call)) !== undefined) yield path
    }
    for (const below of [objectsDirectory(directory), `${directory}/objects`]) {
      for await (const { path } of store.list(below, call)) {
        if (!isTemporaryName(path.slice(path.lastIndexOf('/') + 1))) yield path
      }
    }
  }
}
