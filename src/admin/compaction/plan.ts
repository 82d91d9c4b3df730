import type { Archive, Member } from '../../archive/archive.ts'
import { MemberTable } from '../../archive/member-table.ts'
import { isPackable, type Names } from '../../archive/seven-zip/seven-zip.ts'
import { hasChecksum } from '../../core/checksum.ts'
import { forEachParallel } from '../../core/parallel.ts'
import { KeyTable } from '../../core/tables/key-table.ts'
import { findMember, keyOfMember, memberFileName } from '../../ria/keys/member-names.ts'
import { withArchive } from '../../ria/keys/with-archive.ts'
import { archivePath } from '../../ria/layout/paths.ts'
import { objectsDirectory } from '../../ria/layout/places.ts'
import { isPunched } from '../../ria/layout/punched.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { listTombstones } from '../../ria/layout/tombstones.ts'
import type { CallOptions, Permissions, Sharing, Stat, Store } from '../../store/store.ts'
import { isLooseGood, isMemberGood } from './content.ts'
import { type Filter, type LooseKeys, listLoose } from './loose.ts'
import { type LooseKey, type LooseTable, type SomeKeys, STATE, type State } from './loose-table.ts'
import { archivePermissions, hasOtherReaders, permissionsFor } from './readers.ts'

/** So many members are read at the same time, or fewer where the store was opened for fewer. */
export function readsAtOnce({ traits }: Store): number {
  return Math.min(8, traits.maxInFlight)
}

/** What a compaction has to do. */
export interface Plan {
  readonly loose: LooseKeys
  /** Tombstones, by file name. */
  readonly dropped: ReadonlySet<string>
  /** The archive as it is; undefined when there is none. */
  readonly old: Stat | undefined
  /** Of a new archive; undefined where the backend has none. */
  readonly permissions: Permissions | undefined
  /** Of the archive as it is. */
  readonly members: MemberTable
  /** Keys to be packed. */
  readonly add: SomeKeys
  /**
   * Members that the new archive shall not have: dropped keys, and copies that a loose one
   * replaces.
   */
  readonly drop: Names
  /** Loose keys whose archived copy was read and is good: a run that was killed left them. */
  readonly already: SomeKeys
  /** Keys that would be packed if they were not fewer than `minKeys`. */
  readonly few: number
}

export interface PlanOptions extends CallOptions {
  readonly version: string
  readonly filter: Filter
  readonly now: number
  readonly sharing?: Sharing | undefined
  /** Pack nothing when fewer keys than this are to be packed. */
  readonly minKeys?: number | undefined
  /** Believe an archived copy of a loose key without reading it: nothing will be done. */
  readonly dryRun?: boolean | undefined
}

/**
 * Looks at a dataset and decides. Tombstones are listed before the loose keys: so a key that has
 * both was stored after it was dropped.
 */
export async function makePlan(dataset: StoredDataset, options: PlanOptions): Promise<Plan> {
  const call = options.signal ? { signal: options.signal } : {}
  const dropped = await listTombstones(dataset, call)
  const loose = await listLoose(dataset, { ...options, dropped })
  const { keys } = loose
  const old = await dataset.store.stat(archivePath(dataset.directory), call)
  const permissions = permissionsFor(keys.in(STATE.wanted), old && (await archivePermissions(dataset, call)))
  leaveOtherReaders(loose, permissions, options.sharing)
  const members = new MemberTable()
  const drop = new KeyTable()
  const look = async (archive: Archive) => {
    const isAnyLoose = await readIndex(archive, { dropped, keys, members, drop }, call)
    if (!isAnyLoose) return []
    // Of an archive that may get holes nothing counts as a copy of a loose key.
    const isWhole = !(await isPunched(dataset, call))
    const believed = isWhole ? (options.dryRun ? true : undefined) : false
    return findGood(dataset, archive, { keys, believed }, call)
  }
  const replaced = old === undefined ? undefined : await withArchive(dataset, { ...call, stat: old }, look)
  const known = { loose, dropped, old, permissions, members, add: keys.in(STATE.add), already: keys.in(STATE.already) }
  const few = keys.in(STATE.wanted).count
  if (few < (options.minKeys ?? 0)) return { ...known, drop: new KeyTable(), few }
  keys.setAll(STATE.wanted, STATE.add)
  for (const name of replaced ?? []) {
    // It may be packed twice, and the other copy be good.
    const number = keys.find(memberFileName(name))
    if (number !== undefined && keys.stateOf(number) === STATE.add) drop.add(name)
  }
  return { ...known, drop, few: 0 }
}

function leaveOtherReaders(
  { keys, left }: LooseKeys,
  permissions: Permissions | undefined,
  sharing: Sharing | undefined,
): void {
  for (const key of keys.in(STATE.wanted)) {
    if (!hasOtherReaders(key, permissions, sharing)) continue
    keys.setState(key.number, STATE.kept)
    left.readers = (left.readers ?? 0) + 1
  }
}

interface Index {
  readonly dropped: ReadonlySet<string>
  readonly keys: LooseTable
  readonly members: MemberTable
  /** Gets the members of dropped keys. */
  readonly drop: KeyTable
}

/** Returns whether there is a member whose key also is loose. */
async function readIndex(
  archive: Archive,
  { dropped, keys, members, drop }: Index,
  call: CallOptions,
): Promise<boolean> {
  let isAnyLoose = false
  for await (const member of archive.members(call)) {
    const found = keyOfMember(member.name)
    const fileName = memberFileName(member.name)
    members.add(member.name, fileName, member)
    // One that clients do not find is carried along unless it was dropped, and is no copy of its
    // key.
    const loose = found?.isFindable ? keys.find(fileName) : undefined
    if (loose !== undefined) {
      keys.setArchived(loose)
      isAnyLoose = true
    }
    // What 7z cannot be told to take out stays, with its tombstone.
    if (dropped.has(fileName) && canBeTakenOut(member.name)) drop.add(member.name)
  }
  return isAnyLoose
}

/**
 * 7-Zip takes a `\` in a list for something else. A member that stays is found after the one that
 * comes beside it with `/`.
 */
function canBeTakenOut(name: string): boolean {
  return isPackable(name) && !name.includes('\\')
}

/**
 * Finds the loose keys whose archived copy may stay: clients get this one, it is good, and of the
 * same content as the loose one. `believed`: whether they are good, where none is read. Returns the
 * names of the others, as far as 7z can take them out.
 */
async function findGood(
  dataset: StoredDataset,
  archive: Archive,
  { keys, believed }: { readonly keys: LooseTable; readonly believed: boolean | undefined },
  call: CallOptions,
): Promise<Iterable<string>> {
  const replaced = new KeyTable()
  await forEachParallel(looseToo(archive, keys, call), readsAtOnce(dataset.store), async ([member, loose]) => {
    if (believed ?? (await isGood(dataset, archive, member, loose, call))) keys.setState(loose.number, STATE.already)
    else if (canBeTakenOut(member.name)) replaced.add(member.name)
  })
  return replaced
}

/** The members whose key also is loose, and is to be packed. */
async function* looseToo(
  archive: Archive,
  keys: LooseTable,
  call: CallOptions,
): AsyncGenerator<[Member, LooseKey], void, void> {
  for await (const member of archive.members(call)) {
    const found = keyOfMember(member.name)
    const number = found?.isFindable ? keys.find(found.fileName) : undefined
    if (number !== undefined && isToPack(keys.stateOf(number))) yield [member, keys.get(number)]
  }
}

/** A second member of a key is looked at, too. */
function isToPack(state: State): boolean {
  return state === STATE.wanted || state === STATE.already
}

async function isGood(
  dataset: StoredDataset,
  archive: Archive,
  member: Member,
  loose: LooseKey,
  call: CallOptions,
): Promise<boolean> {
  if ((await findMember(archive, loose.key))?.name !== member.name) return false
  if (member.size !== loose.size || !(await isMemberGood(archive, member, loose.key, call))) return false
  if (hasChecksum(loose.key)) return true
  const path = `${objectsDirectory(dataset.directory)}/${loose.place}`
  return member.crc !== undefined && (await isLooseGood(dataset.store, path, loose.key, member, call))?.good === true
}
