import { Archive } from '../../archive/archive.ts'
import { keyOfMember, memberFileName } from '../../ria/keys/member-names.ts'
import { archivePath } from '../../ria/layout/paths.ts'
import { readLayout } from '../../ria/layout/read-layout.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { listTombstones } from '../../ria/layout/tombstones.ts'
import type { CallOptions } from '../../store/store.ts'

/** A member of a dataset's archive. */
export interface ArchivedKey {
  readonly name: string
  /** Undefined when the name is not one of a key. */
  readonly key: string | undefined
  /** Length in bytes. */
  readonly size: number
  /** It was dropped: no client has it, and the next compaction takes it out. */
  readonly dropped: boolean
  /** It lies where no client looks for a key. */
  readonly misplaced: boolean
}

/** Lists what is in a dataset's archive; nothing when it has none. Changes nothing. */
export async function* listArchived(
  dataset: StoredDataset,
  call: CallOptions = {},
): AsyncGenerator<ArchivedKey, void, void> {
  await readLayout(dataset, call) // no archive says nothing when the dataset itself is not there
  const path = archivePath(dataset.directory)
  const stat = await dataset.store.stat(path, call)
  if (stat === undefined) return
  const dropped = await tombstones(dataset, call)
  const archive = await Archive.open(dataset.store, path, { ...call, stat })
  try {
    for await (const { name, size } of archive.members(call)) {
      const found = keyOfMember(name)
      const misplaced = found?.isFindable !== true
      yield { name, key: found?.key, size, dropped: dropped.has(memberFileName(name)), misplaced }
    }
  } finally {
    await archive.close()
  }
}

/**
 * Where nothing can be listed (a web server), each is looked up by whoever needs to know: here
 * nothing is said to be dropped.
 */
async function tombstones(dataset: StoredDataset, call: CallOptions): Promise<ReadonlySet<string>> {
  if (!dataset.store.traits.writable) return new Set()
  return listTombstones(dataset, call)
}
