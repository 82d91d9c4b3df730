import type { Archive, Member } from '../../archive/archive.ts'
import { isPackable } from '../../archive/seven-zip/seven-zip.ts'
import { hasChecksum } from '../../core/checksum.ts'
import { forEachParallel } from '../../core/parallel.ts'
import { findMember, keyOfMember } from '../../ria/keys/member-names.ts'
import { withArchive } from '../../ria/keys/with-archive.ts'
import { archivePath } from '../../ria/layout/paths.ts'
import { objectsDirectory } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { listTombstones } from '../../ria/layout/tombstones.ts'
import type { CallOptions, Permissions, Sharing, Stat, Store } from '../../store/store.ts'
import { isPunched } from '../holes/punched.ts'
import { isLooseGood, isMemberGood } from './content.ts'
import { type Filter, type LooseKey, type LooseKeys, listLoose } from './loose.ts'
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
  readonly members: ReadonlyMap<string, MemberFacts>
  /** File names of the keys in the archive as it is. */
  readonly archived: ReadonlySet<string>
  /** Keys to be packed. */
  readonly add: readonly LooseKey[]
  /**
   * Members that the new archive shall not have: dropped keys, and copies that a loose one
   * replaces.
   */
  readonly drop: readonly string[]
  /** Loose keys whose archived copy was read and is good: a run that was killed left them. */
  readonly already: readonly LooseKey[]
  /** Keys that would be packed if they were not fewer than `minKeys`. */
  readonly few: number
}

/** What of a member must stay when it is carried over into another archive. */
export interface MemberFacts {
  readonly size: number
  readonly crc: number | undefined
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
  const old = await dataset.store.stat(archivePath(dataset.directory), call)
  const permissions = permissionsFor(loose.wanted.values(), old && (await archivePermissions(dataset, call)))
  leaveOtherReaders(loose, permissions, options.sharing)
  const look = async (archive: Archive) => {
    const index = await readIndex(archive, dropped, loose.wanted, call)
    const { both } = index
    // Of an archive that may get holes nothing counts as a copy of a loose key.
    const isWhole = !(dataset.store.traits.exec && (await isPunched(dataset, call)))
    const believed = options.dryRun ? both.map(([, loose]) => loose) : undefined
    const already = isWhole ? (believed ?? (await findGood(dataset, archive, both, call))) : []
    return { index, already }
  }
  const archived = old && (await withArchive(dataset, { ...call, stat: old }, look))
  const { index, already } = archived ?? { index: emptyIndex(), already: [] }
  const known = { loose, dropped, old, permissions, ...index, already }
  const few = loose.wanted.size - already.length
  if (few < (options.minKeys ?? 0)) return { ...known, add: [], drop: [], few }
  const kept = new Set(already.map(({ fileName }) => fileName))
  return {
    ...known,
    add: [...loose.wanted.values()].filter(({ fileName }) => !kept.has(fileName)),
    drop: [
      ...index.drop,
      ...index.both.flatMap(([{ name }, { fileName }]) => (kept.has(fileName) || !canBeTakenOut(name) ? [] : [name])),
    ],
    few: 0,
  }
}

function leaveOtherReaders(
  { wanted, left, kept }: LooseKeys,
  permissions: Permissions | undefined,
  sharing: Sharing | undefined,
): void {
  for (const [fileName, key] of wanted) {
    if (!hasOtherReaders(key, permissions, sharing)) continue
    wanted.delete(fileName)
    kept.push(key)
    left.readers = (left.readers ?? 0) + 1
  }
}

interface Index {
  readonly members: Map<string, MemberFacts>
  readonly archived: Set<string>
  /** Members of dropped keys. */
  readonly drop: string[]
  /** Members whose key also is loose, and is to be packed. */
  readonly both: [Member, LooseKey][]
}

const emptyIndex = (): Index => ({ members: new Map(), archived: new Set(), drop: [], both: [] })

async function readIndex(
  archive: Archive,
  dropped: ReadonlySet<string>,
  wanted: ReadonlyMap<string, LooseKey>,
  call: CallOptions,
): Promise<Index> {
  const index = emptyIndex()
  for await (const member of archive.members(call)) {
    const found = keyOfMember(member.name)
    index.members.set(member.name, { size: member.size, crc: member.crc })
    // One that clients do not find is carried along, and is no copy of its key.
    if (found?.isFindable !== true) continue
    const { fileName } = found
    index.archived.add(fileName)
    const loose = wanted.get(fileName)
    // What 7z cannot be told to take out stays, with its tombstone.
    if (dropped.has(fileName)) {
      if (canBeTakenOut(member.name)) index.drop.push(member.name)
    } else if (loose !== undefined) index.both.push([member, loose])
  }
  return index
}

/**
 * 7-Zip takes a `\` in a list for something else. A member that stays is found after the one that
 * comes beside it with `/`.
 */
function canBeTakenOut(name: string): boolean {
  return isPackable(name) && !name.includes('\\')
}

/**
 * The loose keys whose archived copy may stay: clients get this one, it is good, and of the same
 * content as the loose one.
 */
async function findGood(
  dataset: StoredDataset,
  archive: Archive,
  both: readonly [Member, LooseKey][],
  call: CallOptions,
): Promise<LooseKey[]> {
  const good: LooseKey[] = []
  await forEachParallel(both, readsAtOnce(dataset.store), async ([member, loose]) => {
    if ((await findMember(archive, loose.key))?.name !== member.name) return
    if (member.size !== loose.size || !(await isMemberGood(archive, member, loose.key, call))) return
    if (!hasChecksum(loose.key)) {
      const path = `${objectsDirectory(dataset.directory)}/${loose.place}`
      if (member.crc === undefined || !(await isLooseGood(dataset.store, path, loose.key, member, call))?.good) return
    }
    good.push(loose)
  })
  return good
}
