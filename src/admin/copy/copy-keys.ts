import { isStoreError, messageOf, type StoreError } from '../../core/errors.ts'
import { isMutable, type Key, parseKey } from '../../core/key.ts'
import { forEachParallel } from '../../core/parallel.ts'
import { fileNameOf, keyAtPlace, objectsDirectory } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Entry, Sharing } from '../../store/store.ts'
import { isTemporaryName } from '../../store/temporary.ts'
import { copyFile, type FileToCopy, isSameFile } from './copy-file.ts'
import type { KeysThere } from './keys-there.ts'
import { type CopyMarker, isUnproven } from './marker.ts'

/** So many bytes, or keys, are copied at most before the marker says that they are proven. */
const STEP_BYTES = 256 * 1024 * 1024
const STEP_KEYS = 1000

export interface CopiedKeys {
  /** That were copied, or would be. */
  readonly keys: number
  readonly bytes: number
  /** That the copy had already. */
  readonly kept: number
  /** That could not be copied, since they are damaged or nobody may read them. */
  readonly problems: readonly KeyProblem[]
  /** Some were moved or dropped while they were copied. */
  readonly moved: boolean
}

export interface KeyProblem {
  readonly key: string
  readonly error: StoreError
}

export interface CopyKeysOptions extends CallOptions {
  readonly sharing?: Sharing | undefined
  readonly dryRun?: boolean | undefined
  /** Called before and after each key. `total` is not known before all are listed. */
  readonly onKeys?: ((done: number, bytes: number) => void) | undefined
}

/**
 * Looks at the keys that were put by a run that was killed before it had read them back. Those that
 * are not as they should be are taken out of those that were listed, so that they are copied again.
 */
export async function proveKeys(
  from: StoredDataset,
  copy: StoredDataset,
  listed: Map<string, Entry>,
  markers: readonly Entry[],
  call: CallOptions,
): Promise<void> {
  const unproven = [...listed].filter(([, entry]) => isUnproven(entry, markers))
  await forEachParallel(unproven, limitOf(from, copy), async ([place, entry]) => {
    const path = `${objectsDirectory(from.directory)}/${place}`
    const file = { from: from.store, to: copy.store, path, stat: entry, key: keyAt(place) }
    try {
      if (await isSameFile(file, call)) return
    } catch (error) {
      if (!isStoreError(error, 'missing', 'corrupt')) throw error
    }
    listed.delete(place)
  })
}

/** Copies the loose keys that are not there yet. `there` is told of each. */
export async function copyKeys(
  from: StoredDataset,
  copy: StoredDataset,
  there: KeysThere,
  marker: CopyMarker,
  options: CopyKeysOptions,
): Promise<CopiedKeys> {
  const { sharing, dryRun = false, onKeys, ...call } = options
  const top = objectsDirectory(from.directory)
  const put = { ...call, within: copy.directory, temporary: copy.path('riastore/incoming'), sharing }
  let [keys, bytes, kept, moved] = [0, 0, 0, false]
  const problems: KeyProblem[] = []
  let step: Entry[] = []
  let stepBytes = 0
  const copyOne = async (entry: Entry) => {
    const place = entry.path.slice(top.length + 1)
    const key = keyAt(place)
    const file: FileToCopy = { from: from.store, to: copy.store, path: entry.path, stat: entry, key }
    try {
      if (!dryRun) await copyFile(file, put)
    } catch (error) {
      if (isStoreError(error, 'missing', 'conflict') && isAt(error, from)) moved = true
      else if (isStoreError(error, 'corrupt', 'denied') && isAt(error, from)) {
        problems.push({ key: key?.text ?? place, error })
      } else throw error
      return
    }
    there.add(place, entry)
    keys += 1
    bytes += entry.size
    onKeys?.(keys, bytes)
  }
  const takeStep = async () => {
    if (step.length > 0 && !dryRun) await marker.begin()
    await forEachParallel(step, limitOf(from, copy), copyOne)
    if (step.length > 0 && !dryRun) await marker.proven()
    step = []
    stepBytes = 0
  }
  for await (const entry of from.store.list(top, call)) {
    if (isTemporaryName(fileNameOf(entry.path))) continue
    const place = entry.path.slice(top.length + 1)
    const known = await there.near(place)
    if (known.get(place)?.size === entry.size && !(await hasChanged(from, copy, entry, keyAt(place), call))) {
      kept += 1
      continue
    }
    step.push(entry)
    stepBytes += entry.size
    if (step.length >= STEP_KEYS || stepBytes >= STEP_BYTES) await takeStep()
  }
  await takeStep()
  return { keys, bytes, kept, problems, moved }
}

/** What a problem says: why, and where. */
export function describeProblem({ key, error }: KeyProblem): string {
  return `${key} was not copied: ${messageOf(error)}`
}

/** The list of git bundles that git-remote-annex keeps is rewritten in place. */
async function hasChanged(
  from: StoredDataset,
  copy: StoredDataset,
  entry: Entry,
  key: Key | undefined,
  call: CallOptions,
): Promise<boolean> {
  if (key === undefined || !isMutable(key)) return false
  return !(await isSameFile({ from: from.store, to: copy.store, path: entry.path, stat: entry, key }, call))
}

function keyAt(place: string): Key | undefined {
  const found = keyAtPlace(place)
  return found && parseKey(found.key)
}

function isAt({ where }: StoreError, { store }: StoredDataset): boolean {
  return where.startsWith(`${store.traits.root}/`)
}

/** Each copy takes a place at both ends. */
function limitOf(from: StoredDataset, copy: StoredDataset): number {
  return Math.max(1, Math.floor(Math.min(from.store.traits.maxInFlight, copy.store.traits.maxInFlight) / 2))
}
