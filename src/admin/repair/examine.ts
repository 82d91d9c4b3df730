import type { Archive } from '../../archive/archive.ts'
import { keyFileName } from '../../core/key.ts'
import { findMember } from '../../ria/keys/member-names.ts'
import { fileNameOf, keyOfFileName, objectsDirectory, placesOf, tombstonePath } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import { type Verdict, verdictOf } from '../check/check-data.ts'
import type { Outcome } from './repaired.ts'

/** A copy of a key in the dataset, and what reading it showed. */
export interface Examined {
  readonly key: string
  /** Length in bytes. */
  readonly size: number
  /** Of a loose one; undefined: it is in the archive. */
  readonly path: string | undefined
  /** In the archive. */
  readonly member: string | undefined
  /** Of the loose file, or of the archive. */
  readonly identity: string
  /** `good` also where the key has no checksum, and the length is right. */
  readonly outcome: 'good' | 'damaged' | 'unknown'
  /** In one line, unless it is good. */
  readonly why: string
}

/**
 * Reads a loose copy of a key, at whatever place. One that looks damaged is read once more, for it
 * may have been the way. Undefined when there is none (any more).
 */
export async function examineLoose(
  dataset: StoredDataset,
  key: string,
  path: string,
  call: CallOptions,
): Promise<Examined | undefined> {
  const stat = await dataset.store.stat(path, call)
  if (stat === undefined) return undefined
  const copy = { key, size: stat.size, path, member: undefined }
  const judged = await judge(() => verdictOf(dataset, undefined, copy, call))
  const after = await dataset.store.stat(path, call)
  if (after === undefined || judged === undefined) return undefined
  const isSame = after.identity === stat.identity
  return {
    ...copy,
    identity: stat.identity,
    ...(isSame ? judged : { outcome: 'unknown', why: 'it was just replaced' }),
  }
}

/** The same for the copy in the archive, which clients get. Undefined also when it was dropped. */
export async function examineArchived(
  dataset: StoredDataset,
  archive: Archive | undefined,
  key: string,
  fileName: string,
  call: CallOptions,
): Promise<Examined | undefined> {
  const member = archive && (await findMember(archive, key))
  if (archive === undefined || member === undefined) return undefined
  if ((await dataset.store.stat(tombstonePath(dataset.directory, fileName), call)) !== undefined) return undefined
  const copy = { key, size: member.size, path: undefined, member: member.name }
  const judged = await judge(() => verdictOf(dataset, archive, copy, call))
  return judged && { ...copy, identity: archive.stat.identity, ...judged }
}

/** The copies of a key in the dataset. */
export interface KeyExamined {
  readonly damaged: readonly Examined[]
  /** Any good one. */
  readonly ownGood: Examined | undefined
  /** Where it belongs, loose. */
  readonly place: string
}

/** Reads all copies of a key. When nothing is to be done, or can be, it says why. */
export async function examineKey(
  dataset: StoredDataset,
  key: string,
  { version, archive }: { readonly version: string; readonly archive: Archive | undefined },
  call: CallOptions,
): Promise<KeyExamined | { readonly outcome: Outcome; readonly how: string }> {
  const places = placesOf(key, version).map((place) => `${objectsDirectory(dataset.directory)}/${place}`)
  const copies: Examined[] = []
  for (const place of places) {
    const loose = await examineLoose(dataset, key, place, call)
    if (loose !== undefined) copies.push(loose)
  }
  const archived = await examineArchived(dataset, archive, key, keyFileName(key), call)
  if (archived !== undefined) copies.push(archived)
  const unknown = copies.find(({ outcome }) => outcome === 'unknown')
  if (unknown !== undefined) return { outcome: 'left', how: unknown.why }
  const damaged = copies.filter(({ outcome }) => outcome === 'damaged')
  if (copies.length > 0 && damaged.length === 0) return { outcome: 'mended', how: 'it is good when it is read again' }
  return { damaged, ownGood: copies.find(({ outcome }) => outcome === 'good'), place: places[0] ?? '' }
}

type Judged = Pick<Examined, 'outcome' | 'why'>

async function judge(look: () => Promise<Verdict>): Promise<Judged | undefined> {
  const first = await look()
  const verdict = first.outcome === 'damaged' ? await look() : first
  switch (verdict.outcome) {
    case 'gone':
      return undefined
    case 'good':
    case 'no checksum':
      return { outcome: 'good', why: '' }
    case 'damaged':
      return { outcome: 'damaged', why: verdict.why }
    case 'unreadable':
      return { outcome: 'unknown', why: verdict.why }
    case 'moved':
      return { outcome: 'unknown', why: 'it was just replaced' }
  }
}

/** The key that a file below annex/objects is named after; undefined for what is no key. */
export function keyOfPath(path: string): string | undefined {
  return keyOfFileName(fileNameOf(path))
}
