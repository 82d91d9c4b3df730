import type { Archive } from '../../archive/archive.ts'
import { isStoreError } from '../../core/errors.ts'
import { keyFileName } from '../../core/key.ts'
import { Turns } from '../../core/process/turns.ts'
import { findMember } from '../../ria/keys/member-names.ts'
import { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { listTombstones } from '../../ria/layout/tombstones.ts'
import type { CallOptions } from '../../store/store.ts'
import type { CheckedKey } from '../clone/content.ts'
import { type OpenRemote, openArchive } from '../open-remote.ts'
import { DirectWrites } from './direct-writes.ts'

export interface KeysToPut {
  /** Those that are not in the store yet, small ones, as it is when each is asked for. */
  readonly numbers: () => Iterable<number>
  readonly checked: (number: number) => CheckedKey
  /** Its object; undefined when there is none any more. */
  readonly find: (number: number) => string | undefined
  /** Stores a key as the store does it. */
  readonly putOne: (number: number) => Promise<void>
}

export interface PutDirectlyOptions extends CallOptions {
  readonly onBytes: (bytes: number) => void
  /** The store has it safe. */
  readonly onPlaced: (number: number) => void
}

/**
 * Puts small keys into a store on a disk of this machine, without asking the store for each. Those
 * that cannot go this way stay as they are. Throws StoreError for what concerns them all.
 */
export async function putDirectly(opened: OpenRemote, keys: KeysToPut, options: PutDirectlyOptions): Promise<void> {
  const { signal } = options
  const [first] = keys.numbers()
  if (first === undefined || !opened.store.traits.local) return
  // As usual: so it is known that the store takes keys, and what dead uploads left there goes.
  await keys.putOne(first)
  const writes = await DirectWrites.for(opened, { signal })
  if (writes === undefined) return
  const archived = await ArchivedBefore.open(opened, { signal })
  try {
    if (archived !== undefined) await putAll(writes, archived, keys, options)
  } finally {
    await writes.close()
    await archived?.close()
  }
}

async function putAll(
  writes: DirectWrites,
  archived: ArchivedBefore,
  keys: KeysToPut,
  { signal, onBytes, onPlaced }: PutDirectlyOptions,
): Promise<void> {
  const turns = new Turns()
  for (const number of keys.numbers()) {
    await turns.pause()
    signal?.throwIfAborted()
    const checked = keys.checked(number)
    if (!archived.isEmpty && (await archived.has(checked.key.text))) continue
    const file = keys.find(number)
    if (file === undefined || !writes.write(number, checked, file)) continue
    onBytes(checked.size)
    if (writes.isFull) await writes.place(onPlaced, signal)
  }
  await writes.place(onPlaced, signal)
}

/** Which keys the archive has, or had: the store knows what is to be done with them. */
class ArchivedBefore {
  readonly #archive: Archive | undefined
  readonly #dropped: ReadonlySet<string>

  private constructor(archive: Archive | undefined, dropped: ReadonlySet<string>) {
    this.#archive = archive
    this.#dropped = dropped
  }

  /** Undefined: that cannot be said, for the archive cannot be read. */
  static async open(opened: OpenRemote, call: CallOptions): Promise<ArchivedBefore | undefined> {
    try {
      const archive = await openArchive(opened, call)
      const stored = new StoredDataset(opened.store, opened.directory)
      return new ArchivedBefore(archive, archive === undefined ? new Set() : await listTombstones(stored, call))
    } catch (error) {
      if (isStoreError(error, 'corrupt', 'unsupported', 'conflict')) return undefined
      throw error
    }
  }

  get isEmpty(): boolean {
    return this.#archive === undefined
  }

  async has(key: string): Promise<boolean> {
    if (this.#archive === undefined) return false
    return this.#dropped.has(keyFileName(key)) || (await findMember(this.#archive, key)) !== undefined
  }

  async close(): Promise<void> {
    await this.#archive?.close()
  }
}
