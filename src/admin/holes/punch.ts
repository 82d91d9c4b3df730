import type { Archive } from '../../archive/archive.ts'
import { isStoreError, StoreError } from '../../core/errors.ts'
import { chunksOf } from '../../core/parallel.ts'
import { withArchive } from '../../ria/keys/with-archive.ts'
import { requireRemovable } from '../../ria/layout/append-only.ts'
import { archivePath } from '../../ria/layout/paths.ts'
import { archivesDirectory, fileNameOf, keyOfFileName, objectsDirectory, placesOf } from '../../ria/layout/places.ts'
import { markPunched } from '../../ria/layout/punched.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { listTombstones } from '../../ria/layout/tombstones.ts'
import type { CallOptions, Sharing, Stat } from '../../store/store.ts'
import type { Changes } from '../lock/changes.ts'
import { deadRanges, type Range } from './dead-ranges.ts'

/** What a file was found to be, as far as every system tells. */
interface FileFacts {
  /** Bytes. */
  readonly size: number
  /** Since 1970; whole seconds. */
  readonly mtime: number
  /** Bytes that it takes up on the disk. */
  readonly taken: number
}

export interface Punched {
  /** What dropped keys take up in the archive, in whole blocks. */
  readonly bytes: number
  /** What came free on the disk; less where there were holes before. */
  readonly freed: number
}

export interface PunchOptions extends CallOptions {
  /** Of the dataset's layout file. */
  readonly version: string
  readonly sharing?: Sharing | undefined
}

/** So many holes are made after one proof that we may: that takes about two seconds. */
const HOLES_AT_ONCE = 500

/**
 * Gets size, mtime and whether it has other names of a file that is open, so that a file which
 * takes its place meanwhile is not the one that gets holes; makes the holes that stdin names; says
 * what the file is then. No link is followed to it.
 */
const PUNCH = `name=$1 expected=$2
[ -f "$name" ] && [ ! -L "$name" ] || exit 10
exec 3< "$name" || exit 10
file=/proc/self/fd/3
[ "$(stat -L -c '%s %Y' "$file")" = "$expected" ] || exit 10
[ "$(stat -L -c %h "$file")" = 1 ] || exit 11
before=$(stat -L -c '%b' "$file")
while read -r offset length; do
  fallocate --punch-hole --offset "$offset" --length "$length" "$file" || exit 12
done
stat -L -c "%s %Y %b %B $before" "$file"`

const REASONS: Readonly<Record<number, readonly [StoreError['kind'], string]>> = {
  10: ['conflict', 'the archive was replaced meanwhile'],
  11: ['unsupported', 'the archive has a second name (a hard link), and what is in both would change'],
  12: ['unsupported', 'the file system cannot take bytes out of a file'],
}

/**
 * Gives the space of dropped keys back to the disk while their archive stays where it is: holes
 * take the place of their bytes. No second archive is written, so no room is needed. All other
 * bytes of the archive stay, its end header too; the tombstones stay until the next compaction
 * leaves the members out. What is dropped and lies loose as well is on its way back, and stays.
 * Under the lock of the dataset; without `changes` nothing is done, and only looked. Throws
 * StoreError: `unsupported` where no program can be run or no hole be made, `denied` in an append-
 * only store, `conflict` when lock or archive are not ours any more.
 */
export async function punchDropped(
  dataset: StoredDataset,
  changes: Changes | undefined,
  { version, sharing, signal }: PunchOptions,
): Promise<Punched> {
  const call = { signal }
  if (!(await canPunch(dataset, call))) {
    throw failed(dataset, 'unsupported', 'to give space back in place it needs a shell with fallocate where it lies')
  }
  await requireRemovable(dataset, 'take bytes out of the archive of', call)
  const dropped = await listTombstones(dataset, call)
  await leaveReturning(dataset, dropped, version, call)
  let stat = await dataset.store.stat(archivePath(dataset.directory), call)
  if (stat === undefined || dropped.size === 0) return { bytes: 0, freed: 0 }
  const look = (archive: Archive) => deadRanges(archive, (fileName) => dropped.has(fileName), call)
  const known = { ...call, stat }
  let ranges = (await withArchive(dataset, known, look)) ?? []
  if (changes !== undefined && ranges.length > 0) {
    await markPunched(dataset, { sharing, signal })
    // Who stored a key again, and saw no mark of holes, has taken its tombstone away.
    if (await leaveReturning(dataset, dropped, version, call)) ranges = (await withArchive(dataset, known, look)) ?? []
  }
  const bytes = ranges.reduce((sum, { start, end }) => sum + end - start, 0)
  if (changes === undefined || bytes === 0) return { bytes, freed: 0 }
  let freed = 0
  for (const some of chunksOf(ranges, HOLES_AT_ONCE)) {
    const seen: Stat = stat
    const { before, after } = await changes.whileProven({ archive: seen.identity }, (proven) => {
      proven.mayChange()
      return punch(dataset, seen, some, call)
    })
    freed += before - after.taken
    stat = await dataset.store.stat(archivePath(dataset.directory), call)
    if (stat === undefined || stat.size !== after.size || secondsOf(stat) !== after.mtime) {
      throw failed(dataset, 'conflict', 'the archive was replaced meanwhile')
    }
  }
  return { bytes, freed }
}

async function canPunch({ store, directory }: StoredDataset, call: CallOptions): Promise<boolean> {
  if (!store.traits.exec) return false
  try {
    const command = ['sh', '-c', 'command -v fallocate']
    return (await store.exec(command, { ...call, cwd: directory })).code === 0
  } catch (error) {
    if (isStoreError(error, 'unsupported')) return false
    throw error
  }
}

/**
 * Takes those out that lie loose: they were dropped and are being stored again. Resolves with
 * whether there are any.
 */
async function leaveReturning(
  dataset: StoredDataset,
  dropped: Set<string>,
  version: string,
  call: CallOptions,
): Promise<boolean> {
  const count = dropped.size
  for (const names of chunksOf([...dropped], HOLES_AT_ONCE)) {
    const places = names.flatMap((name) => placesOf(keyOfFileName(name) ?? name, version).map((place) => [name, place]))
    const paths = places.map(([, place]) => `${objectsDirectory(dataset.directory)}/${place}`)
    const found = await dataset.store.statAll(paths, call)
    for (const [i, [name = '']] of places.entries()) if (found[i] !== undefined) dropped.delete(name)
  }
  return dropped.size < count
}

async function punch(
  dataset: StoredDataset,
  stat: Stat,
  ranges: readonly Range[],
  call: CallOptions,
): Promise<{ readonly before: number; readonly after: FileFacts }> {
  const expected = `${stat.size} ${secondsOf(stat)}`
  const command = ['sh', '-c', PUNCH, 'sh', fileNameOf(archivePath(dataset.directory)), expected]
  const input = Buffer.from(ranges.map(({ start, end }) => `${start} ${end - start}\n`).join(''))
  const options = { ...call, cwd: archivesDirectory(dataset.directory), input }
  const { code, stdout, stderr } = await dataset.store.exec(command, options)
  const [size = 0, mtime = 0, blocks = 0, blockBytes = 0, blocksBefore = 0] = `${stdout}`.trim().split(' ').map(Number)
  if (code === 0) return { before: blocksBefore * blockBytes, after: { size, mtime, taken: blocks * blockBytes } }
  const [kind, message] = REASONS[code] ?? ['denied', `the shell ended with ${code}`]
  const said = stderr.trim().split('\n').at(-1)
  throw failed(dataset, kind, said ? `${message}: ${said}` : message)
}

function failed(dataset: StoredDataset, kind: StoreError['kind'], message: string): StoreError {
  const where = `${dataset.store.traits.root}/${archivePath(dataset.directory)}`
  return new StoreError({ kind, op: 'archive', where, message, sent: 'no' })
}

function secondsOf({ mtimeMs = 0 }: Stat): number {
  return Math.floor(mtimeMs / 1000)
}
