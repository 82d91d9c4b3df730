import { isStoreError, messageOf, StoreError } from '../core/errors.ts'
import { forEachParallel } from '../core/parallel.ts'
import type { KeyTable } from '../core/tables/key-table.ts'
import { StoredDataset } from '../ria/layout/stored-dataset.ts'
import { listTombstones } from '../ria/layout/tombstones.ts'
import { ArchivedKeys } from './archived-keys.ts'
import type { KeyFailure } from './events.ts'
import { checkedKey, Fetch, type FetchOptions } from './fetch.ts'
import { fetchArchived, type OnKey } from './fetch-archived.ts'
import { openArchive } from './open-remote.ts'
import { DirectReads } from './small/direct-reads.ts'
import { fetchDirectly } from './small/fetch-directly.ts'
import { fetchTogether } from './small/fetch-together.ts'
import { STATE, type States } from './states.ts'

export interface BringOptions extends FetchOptions {
  readonly table: KeyTable
  readonly states: States
  /** Keys at once. Default: as many as the store takes. */
  readonly jobs: number | undefined
  /** Why a key did not come from this remote: it may come from another. */
  readonly onFailure: (failure: KeyFailure, number: number) => void
  /** A key lies whole in the work directory. */
  readonly onStaged: (number: number) => Promise<void> | undefined
}

/** The archive is looked into anew so often when it is replaced while it is read. */
const TRIES = 5

/** Reads of an archive that go on at once: each brings many keys. */
const ARCHIVE_READS = 4

/**
 * Brings keys from one remote into the work directory: those in its archive in the order of its
 * bytes, the others from where they lie loose. Keys that come are staged, the others stay wanted.
 * Throws StoreError when nothing more can come: the remote is not reached, or there is no space.
 */
export async function bring(numbers: Iterable<number>, options: BringOptions): Promise<void> {
  const { remote, table, states, signal, jobs, onStaged } = options
  const fetch = new Fetch(options, await DirectReads.for(remote))
  const onKey = accountFor(options)
  const tried = new Uint8Array(table.size)
  const untried = function* () {
    for (const number of numbers) if (states.get(number) === STATE.wanted && tried[number] !== 1) yield number
  }
  const once: OnKey = (number, work) => {
    tried[number] = 1
    return onKey(number, work)
  }
  for (let tries = 1; ; tries++) {
    const archive = await openArchive(remote, { signal }).catch(unlessUseless)
    if (archive === undefined) break
    try {
      const dropped = remote.store.traits.writable
        ? await listTombstones(new StoredDataset(remote.store, remote.directory), signal && { signal })
        : new Set<string>()
      const keys = await ArchivedKeys.find(archive, table, untried(), dropped)
      const readsAtOnce = Math.min(jobs ?? ARCHIVE_READS, ARCHIVE_READS)
      await fetchArchived({ remote, archive, keys }, table, fetch, { readsAtOnce, signal, onKey: once })
      break
    } catch (error) {
      if (!isStoreError(error, 'conflict', 'missing') || tries === TRIES) throw error
    } finally {
      await archive.close()
    }
  }
  const onKept = (number: number) => {
    states.set(number, STATE.staged)
    return onStaged(number)
  }
  await fetchTogether(remote, table, untried(), fetch, { jobs, signal, onKept })
  await fetchDirectly(table, untried(), fetch, { signal, onKept })
  await forEachParallel(untried(), jobs ?? remote.store.traits.maxInFlight, async (number) => {
    const checked = checkedKey(table.text(number))
    if (checked !== undefined) await once(number, () => fetch.fetch(checked))
  })
}

/** An archive that cannot be read is of no use here; what is in it is told key by key. */
function unlessUseless(error: unknown): undefined {
  if (!isStoreError(error, 'corrupt', 'unsupported', 'conflict')) throw error
}

function accountFor({ table, states, signal, onFailure, onStaged }: BringOptions): OnKey {
  return async (number, work) => {
    try {
      await work()
    } catch (error) {
      if (signal?.aborted || !(error instanceof StoreError)) throw error
      if (endsAll(error)) throw error
      onFailure({ key: table.text(number), kind: error.kind, message: messageOf(error) }, number)
      return
    }
    states.set(number, STATE.staged)
    await onStaged(number)
  }
}

/** The next key would fail for the same reason. */
function endsAll({ kind, op }: StoreError): boolean {
  return kind === 'unreachable' || kind === 'aborted' || (kind === 'full' && op !== 'get')
}
