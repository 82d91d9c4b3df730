import type { Archive } from '../../archive/archive.ts'
import { messageOf, StoreError } from '../../core/errors.ts'
import { forEachParallel } from '../../core/parallel.ts'
import { keyOfMember, memberFileName } from '../../ria/keys/member-names.ts'
import { withArchive } from '../../ria/keys/with-archive.ts'
import { archivePath } from '../../ria/layout/paths.ts'
import { readLayout } from '../../ria/layout/read-layout.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { listTombstones } from '../../ria/layout/tombstones.ts'
import type { CallOptions } from '../../store/store.ts'
import { memberMatches } from './content.ts'
import { readsAtOnce } from './plan.ts'
import { groupAdjacent, type MemberOfKey, readTogether } from './read-together.ts'

export interface VerifyOptions {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined
}

export interface VerifyReport {
  readonly members: number
  readonly bytes: number
  /** Those whose content is not what it should be, or cannot be read. */
  readonly bad: readonly BadMember[]
  /** Those that lie where no client looks for a key, whatever is in them. */
  readonly misplaced: readonly BadMember[]
}

export interface BadMember {
  readonly name: string
  /** One line. */
  readonly reason: string
}

/**
 * Reads every member of a dataset's archive but those of dropped keys, and holds it against its
 * key's checksum, else against the CRC of the archive. Looks whether clients find it. Changes
 * nothing. Undefined when the dataset has no archive. Throws StoreError when it cannot be read at
 * all.
 */
export async function verifyArchive(
  dataset: StoredDataset,
  options: VerifyOptions = {},
): Promise<VerifyReport | undefined> {
  const call = options.signal ? { signal: options.signal } : {}
  await readLayout(dataset, call)
  // Nobody has what was dropped, and there may be a hole in its place.
  const dropped = dataset.store.traits.writable ? await listTombstones(dataset, call) : new Set<string>()
  const path = archivePath(dataset.directory)
  return withArchive(dataset, call, async (archive) => {
    const bad: BadMember[] = []
    const misplaced: BadMember[] = []
    let members = 0
    let bytes = 0
    await forEachParallel(
      groupAdjacent(keysIn(archive, dropped, misplaced, call)),
      readsAtOnce(dataset.store),
      async (group) => {
        const tell = ({ member: { name, size } }: MemberOfKey, reason?: string) => {
          if (reason !== undefined) bad.push({ name, reason })
          members += 1
          bytes += size
          options.onProgress?.({ done: members, total: archive.count })
        }
        const doubtful = await readTogether(dataset.store, path, archive, group, call, (item) => tell(item))
        for (const item of doubtful) tell(item, await findFault(archive, item, call))
      },
    )
    return { members, bytes, bad, misplaced }
  })
}

/** All members but those of dropped keys. Those that no client finds are added to `misplaced`. */
async function* keysIn(
  archive: Archive,
  dropped: ReadonlySet<string>,
  misplaced: BadMember[],
  call: CallOptions,
): AsyncGenerator<MemberOfKey, void, void> {
  for await (const member of archive.members(call)) {
    const found = keyOfMember(member.name)
    if (dropped.has(memberFileName(member.name))) continue
    if (found === undefined) misplaced.push({ name: member.name, reason: 'it is not named as a key is' })
    else if (!found.isFindable) misplaced.push({ name: member.name, reason: 'no client looks for the key there' })
    yield { member, key: found?.key ?? '' }
  }
}

/** What is wrong with a member, in one line; undefined when nothing is. */
async function findFault(
  archive: Archive,
  { member, key }: MemberOfKey,
  call: CallOptions,
): Promise<string | undefined> {
  try {
    return (await memberMatches(archive, member, key, call)) ? undefined : 'its content is not what the key says'
  } catch (error) {
    return reasonOrThrow(error)
  }
}

/** What is wrong with one member; anything else concerns them all. */
function reasonOrThrow(error: unknown): string {
  if (error instanceof StoreError && (error.kind === 'corrupt' || error.kind === 'unsupported')) return messageOf(error)
  throw error
}
