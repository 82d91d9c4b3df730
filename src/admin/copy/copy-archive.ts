import { archivePath } from '../../ria/layout/paths.ts'
import { archivesDirectory, keyOfFileName, placesOf, tombstonePath } from '../../ria/layout/places.ts'
import { isPunched, markPunched } from '../../ria/layout/punched.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { listTombstones, writeTombstone } from '../../ria/layout/tombstones.ts'
import { readSmall } from '../../store/read-small.ts'
import type { CallOptions, Sharing, Stat } from '../../store/store.ts'
import { temporaryName } from '../../store/temporary.ts'
import { archivedFiles } from '../inventory/count-keys.ts'
import { Changes } from '../lock/changes.ts'
import { removeLeftovers } from '../lock/leftovers.ts'
import { withLock } from '../lock/lock.ts'
import { copyFile } from './copy-file.ts'
import type { KeysThere } from './keys-there.ts'

/** A 7z file begins with so many bytes, which hold a checksum of all that says what is in it. */
const HEAD_BYTES = 32

export interface CopyArchiveOptions extends CallOptions {
  readonly sharing?: Sharing | undefined
  readonly dryRun?: boolean | undefined
  /** The loose keys that the copy has by now. */
  readonly there: KeysThere
  /** Of the copy's layout file. */
  readonly version: string
  /** A run was killed here: what it left goes, its lock too. */
  readonly wasKilled: boolean
}

export interface CopiedArchive {
  /** Of the archive, if it was copied, or would be. */
  readonly bytes: number
  /** The archive that was looked at; undefined when there is none. */
  readonly identity: string | undefined
}

/**
 * Copies the archive as it is, if the copy has another one or none. It is read back, and takes the
 * place of the old one under the copy's lock, and only if no key of the old one would be lost by
 * that: else it throws `conflict`. What was dropped from the original's archive is dropped from the
 * new one of the copy. Holes of the original are zeros there, which the copy says as well.
 */
export async function copyArchive(
  from: StoredDataset,
  copy: StoredDataset,
  options: CopyArchiveOptions,
): Promise<CopiedArchive> {
  const { sharing, dryRun = false, there, version, wasKilled, ...call } = options
  const original = await from.store.stat(archivePath(from.directory), call)
  if (original === undefined) return { bytes: 0, identity: undefined }
  const { identity } = original
  const dropped = new Set(await listTombstones(from, call))
  const toCome = [...(await listTombstones(copy, call))].filter((name) => !dropped.has(name))
  const isSame = await isSameArchive(from, original, copy, call)
  // What was dropped from the copy alone may be a hole there.
  const isNew = !isSame || (toCome.length > 0 && (await isPunched(copy, call)))
  if (dryRun || (!isNew && toCome.length === 0 && !wasKilled)) return { bytes: isNew ? original.size : 0, identity }
  await withLock(copy, { ...call, sharing }, async (lock, signal) => {
    const changes = new Changes(copy, lock, { sharing, signal })
    await removeLeftovers(copy, changes, { signal })
    let now = (await copy.store.stat(archivePath(copy.directory), { signal }))?.identity
    if (isNew) {
      await requireNothingLost(from, copy, there, version, { signal })
      const target = `${archivesDirectory(copy.directory)}/${temporaryName()}`
      const file = { from: from.store, to: copy.store, path: archivePath(from.directory), target, stat: original }
      const hadHoles = await isPunched(from, { signal })
      const built = await copyFile(file, { signal, within: copy.directory, sharing })
      const mayHaveHoles = hadHoles || (await isPunched(from, { signal }))
      if (mayHaveHoles) await markPunched(copy, { signal, sharing })
      // Before the archive: what was dropped never seems to be there. A hole is no copy of a loose
      // key either.
      const hidden = mayHaveHoles ? dropped : await notHeldBy(copy, there, dropped, version, { signal })
      for (const name of hidden) await writeTombstone(copy, name, { signal, sharing })
      now = (await changes.replaceArchive(target, built, now, mayHaveHoles)).identity
    }
    // A key that was stored again is there again.
    const paths = toCome.map((name) => tombstonePath(copy.directory, name))
    await changes.removeOwn(paths, { archive: now }, 1)
  })
  return { bytes: isNew ? original.size : 0, identity }
}

/**
 * Whether a copy has this archive, by its length and the checksum of all that says what is in it.
 */
export async function isSameArchive(
  from: StoredDataset,
  original: Stat,
  copy: StoredDataset,
  call: CallOptions,
): Promise<boolean> {
  const there = await copy.store.stat(archivePath(copy.directory), call)
  if (there?.size !== original.size) return false
  const range = { start: 0, end: Math.min(HEAD_BYTES, original.size) }
  const [one, other] = await Promise.all(
    [from, copy].map(({ store, directory }) =>
      readSmall(store, archivePath(directory), HEAD_BYTES, { ...call, range }),
    ),
  )
  return one !== undefined && other !== undefined && one.equals(other)
}

/** Throws `conflict` when the copy's own archive has a key that the original has not. */
async function requireNothingLost(
  from: StoredDataset,
  copy: StoredDataset,
  there: KeysThere,
  version: string,
  call: CallOptions,
): Promise<void> {
  const own: string[] = []
  for await (const { fileName } of archivedFiles(copy, call)) own.push(fileName)
  if (own.length === 0) return
  const original = new Set<string>()
  for await (const { fileName } of archivedFiles(from, call)) original.add(fileName)
  const lost: string[] = []
  for (const name of own) {
    if (!original.has(name) && !(await there.hasAny(placesOfName(name, version), call))) lost.push(name)
  }
  if (lost.length === 0) return
  const message = `its archive has ${lost.length} of its keys that the original has not (${lost[0]}): riastore unarchive makes them loose, then copy again`
  throw copy.error('conflict', 'copy', message, { path: archivePath(copy.directory), sent: 'no' })
}

/** Those of some file names of keys that the copy has neither loose nor in its archive. */
async function notHeldBy(
  copy: StoredDataset,
  there: KeysThere,
  names: ReadonlySet<string>,
  version: string,
  call: CallOptions,
): Promise<ReadonlySet<string>> {
  const left = new Set(names)
  if (left.size === 0) return left
  for await (const { fileName } of archivedFiles(copy, call)) left.delete(fileName)
  for (const name of left) if (await there.hasAny(placesOfName(name, version), call)) left.delete(name)
  return left
}

const placesOfName = (name: string, version: string) => placesOf(keyOfFileName(name) ?? name, version)
