import { Archive, type Member } from '../../archive/archive.ts'
import { forEachParallel } from '../../core/parallel.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Stat } from '../../store/store.ts'
import { isMemberGood } from './content.ts'
import { readsAtOnce } from './plan.ts'
import { groupAdjacent, readTogether } from './read-together.ts'

/** What an archive shall be, member by member. */
export interface ExpectedMembers {
  readonly count: number
  name(member: number): string
  /** Has a checksum. */
  key(member: number): string
}

/**
 * Reads a new archive back from the store, all of it, and holds every member against its key.
 * Throws `corrupt` unless it is exactly what it shall be.
 */
export async function checkMembers(
  dataset: StoredDataset,
  path: string,
  stat: Stat | undefined,
  expected: ExpectedMembers,
  call: CallOptions,
): Promise<void> {
  const fail = (message: string) => dataset.error('corrupt', 'verify', message, { path })
  const archive = await Archive.open(dataset.store, path, { ...call, stat })
  try {
    if (archive.count !== expected.count) throw fail(`it has ${archive.count} members, and got ${expected.count}`)
    await forEachParallel(
      groupAdjacent(expectedOnly(archive, expected, call, fail)),
      readsAtOnce(dataset.store),
      async (group) => {
        const doubtful = await readTogether(dataset.store, path, archive, group, call, () => {})
        for (const { member, key } of doubtful) {
          if (await isMemberGood(archive, member, key, call)) continue
          throw fail(`what can be read from it as ${member.name} is not what was written`)
        }
      },
    )
  } finally {
    await archive.close()
  }
}

async function* expectedOnly(
  archive: Archive,
  expected: ExpectedMembers,
  call: CallOptions,
  fail: (message: string) => Error,
): AsyncGenerator<{ member: Member; key: string }, void, void> {
  let count = 0
  for await (const member of archive.members(call)) {
    if (count === expected.count || member.name !== expected.name(count)) {
      throw fail(`it has a member that nobody packed: ${member.name}`)
    }
    yield { member, key: expected.key(count) }
    count += 1
  }
  if (count !== expected.count) throw fail(`it has ${count} members, and got ${expected.count}`)
}
