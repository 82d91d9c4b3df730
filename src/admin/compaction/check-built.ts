import { Archive } from '../../archive/archive.ts'
import { hasChecksum } from '../../core/checksum.ts'
import { forEachParallel } from '../../core/parallel.ts'
import { memberFileName } from '../../ria/keys/member-names.ts'
import { objectsDirectory } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import { isLooseGood, isMemberGood } from './content.ts'
import type { LooseKey } from './loose.ts'
import { type MemberFacts, type Plan, readsAtOnce } from './plan.ts'
import { groupAdjacent, type MemberOfKey, readTogether } from './read-together.ts'

/** What is in a new archive, every new key read back. */
export interface Built {
  /** Keys that were packed, and are good. */
  readonly packed: readonly LooseKey[]
  /** Keys that lie damaged: packed as they are, so they have to go from the new archive. */
  readonly damaged: readonly LooseKey[]
  /** Keys that were dropped or replaced while they were packed: they have to go too. */
  readonly changed: readonly LooseKey[]
  /** Keys that are not in it although they still lie loose as they did: 7z could not read them. */
  readonly unread: readonly LooseKey[]
  /** Members. */
  readonly count: number
  readonly fileNames: ReadonlySet<string>
}

export interface CheckOptions extends CallOptions {
  readonly onKey?: (() => void) | undefined
}

/**
 * Reads every new key of a new archive back and holds it against the key; compares what was carried
 * over with the old archive's index. Throws `corrupt` when 7z wrote anything else than it should:
 * then nothing is safe to be swapped in.
 */
export async function checkBuilt(
  dataset: StoredDataset,
  path: string,
  plan: Plan,
  { onKey, ...call }: CheckOptions,
): Promise<Built> {
  const wanted = new Map(plan.add.map((key) => [key.place, key]))
  const drop = new Set(plan.drop)
  const carried = new Map([...plan.members].filter(([name]) => !drop.has(name)))
  const fileNames = new Set<string>()
  const found: Record<Verdict, LooseKey[]> = { packed: [], damaged: [], changed: [] }
  const fail = (message: string) => dataset.error('corrupt', 'verify', message, { path })

  let count = 0
  const archive = await Archive.open(dataset.store, path, call)
  /** The new ones, which are to be read; what was carried over is compared on the way. */
  const newMembers = async function* (): AsyncGenerator<PackedMember, void, void> {
    for await (const member of archive.members(call)) {
      count += 1
      fileNames.add(memberFileName(member.name))
      const loose = wanted.get(member.name)
      if (loose !== undefined) {
        wanted.delete(member.name)
        yield { member, key: loose.key, loose }
        continue
      }
      const facts = carried.get(member.name)
      if (facts === undefined) throw fail(`it has a member that nobody packed: ${member.name}`)
      if (!isSame(facts, member)) throw fail(`the member ${member.name} is not what it was`)
      carried.delete(member.name)
    }
  }
  const tell = ({ loose }: PackedMember, verdict: Verdict) => {
    found[verdict].push(loose)
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
  if (carried.size > 0) throw fail(`${carried.size} members of the old archive are not in it`)
  const unread = await stillThere(dataset, wanted.values(), call)
  return { ...found, unread, count, fileNames }
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

function isSame(before: MemberFacts, after: MemberFacts): boolean {
  const sameCrc = before.crc === undefined || after.crc === undefined || before.crc === after.crc
  return before.size === after.size && sameCrc
}

async function stillThere(dataset: StoredDataset, keys: Iterable<LooseKey>, call: CallOptions): Promise<LooseKey[]> {
  const unread: LooseKey[] = []
  await forEachParallel(keys, dataset.store.traits.maxInFlight, async (key) => {
    const stat = await dataset.store.stat(`${objectsDirectory(dataset.directory)}/${key.place}`, call)
    if (stat?.identity === key.identity) unread.push(key)
  })
  return unread
}
