import { Archive } from '../../archive/archive.ts'
import type { Names } from '../../archive/seven-zip/seven-zip.ts'
import { hasChecksum } from '../../core/checksum.ts'
import { forEachParallel } from '../../core/parallel.ts'
import { KeyTable } from '../../core/tables/key-table.ts'
import { objectsDirectory } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import { isLooseGood, isMemberGood } from './content.ts'
import { type LooseKey, type LooseTable, STATE } from './loose-table.ts'
import { type Plan, readsAtOnce } from './plan.ts'
import { groupAdjacent, type MemberOfKey, readTogether } from './read-together.ts'

/** What is in a new archive; what became of the loose keys is said by their states. */
export interface Built {
  /** Members. */
  readonly count: number
  /** Whether a member has this file name. */
  hasFileName(fileName: string): boolean
}

/** A new archive of which every new key was read back. */
export interface Checked extends Built {
  /** Members that have to go from it. */
  readonly bad: Names
}

export interface CheckOptions extends CallOptions {
  readonly onKey?: (() => void) | undefined
}

/**
 * Reads every new key of a new archive back and holds it against the key; compares what was carried
 * over with the old archive's index. Keys that are to be added are `packed` then; `damaged` or
 * `changed` are those that have to go from it; `unread` those that are not in it although they lie
 * as they did, `gone` the others that are not in it. Throws `corrupt` when 7z wrote anything else
 * than it should: then nothing is safe to be swapped in.
 */
export async function checkBuilt(
  dataset: StoredDataset,
  path: string,
  { loose: { keys }, members, drop }: Pick<Plan, 'loose' | 'members' | 'drop'>,
  { onKey, ...call }: CheckOptions,
): Promise<Checked> {
  const carried = members.carry()
  const bad = new KeyTable()
  const fail = (message: string) => dataset.error('corrupt', 'verify', message, { path })

  let count = 0
  const archive = await Archive.open(dataset.store, path, call)
  /** The new ones, which are to be read; what was carried over is compared on the way. */
  const newMembers = async function* (): AsyncGenerator<PackedMember, void, void> {
    for await (const member of archive.members(call)) {
      count += 1
      const { name } = member
      const loose = keys.at(name, STATE.add)
      if (loose !== undefined) {
        keys.setState(loose.number, STATE.read)
        yield { member, key: loose.key, loose }
        continue
      }
      const found = drop.has(name) ? 'unknown' : carried.take(name, member)
      if (found === 'unknown') throw fail(`it has a member that nobody packed: ${name}`)
      if (found === 'other') throw fail(`the member ${name} is not what it was`)
    }
  }
  const tell = ({ loose, member }: PackedMember, verdict: Verdict) => {
    keys.setState(loose.number, STATE[verdict])
    if (verdict !== 'packed') bad.add(member.name)
    onKey?.()
  }
  try {
    await forEachParallel(groupAdjacent(newMembers()), readsAtOnce(dataset.store), async (group) => {
      const doubtful = await readTogether(dataset.store, path, archive, group, call, (item) => tell(item, 'packed'))
      for (const item of doubtful) tell(item, await examine(dataset, archive, item, call))
    })
  } finally {
    await archive.close()
  }
  const missing = members.size - drop.size - carried.count
  if (missing > 0) throw fail(`${missing} members of the old archive are not in it`)
  await findUnread(dataset, keys, call)
  const isPacked = (fileName: string) => {
    const number = keys.find(fileName)
    return number !== undefined && keys.stateOf(number) === STATE.packed
  }
  return { bad, count, hasFileName: (fileName) => carried.hasFileName(fileName) || isPacked(fileName) }
}

type Verdict = 'packed' | 'damaged' | 'changed'

interface PackedMember extends MemberOfKey {
  readonly loose: LooseKey
}

/**
 * Whether the packed key is good; if not, whether the loose one was bad, or changed. Throws when it
 * was neither.
 */
async function examine(
  dataset: StoredDataset,
  archive: Archive,
  { member, loose }: PackedMember,
  call: CallOptions,
): Promise<Verdict> {
  const path = `${objectsDirectory(dataset.directory)}/${loose.place}`
  const good = await isMemberGood(archive, member, loose.key, call)
  if (good && hasChecksum(loose.key)) return 'packed'
  const now = await isLooseGood(dataset.store, path, loose.key, member, call)
  if (now === undefined || now.identity !== loose.identity) return 'changed'
  if (good && now.good && member.crc !== undefined) return 'packed'
  if (!now.good && hasChecksum(loose.key)) return 'damaged'
  const message = 'it was packed, and what can be read from the new archive is not the same'
  throw dataset.error('corrupt', 'verify', message, { path })
}

async function findUnread(dataset: StoredDataset, keys: LooseTable, call: CallOptions): Promise<void> {
  await forEachParallel(keys.in(STATE.add), dataset.store.traits.maxInFlight, async ({ number, place, identity }) => {
    const stat = await dataset.store.stat(`${objectsDirectory(dataset.directory)}/${place}`, call)
    keys.setState(number, stat?.identity === identity ? STATE.unread : STATE.gone)
  })
}
