import { ConfigError } from '../../core/errors.ts'
import { readLayout, readSharing } from '../../ria/layout/read-layout.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import { withStrictLinks } from '../../store/wrappers/strict-links.ts'
import { Changes } from '../lock/changes.ts'
import { removeLeftovers } from '../lock/leftovers.ts'
import { withLock } from '../lock/lock.ts'
import { type Punched, punchDropped } from './punch.ts'

export interface GiveBackOptions extends CallOptions {
  readonly breakLock?: boolean | undefined
  /** Only say what would be done. */
  readonly dryRun?: boolean | undefined
}

/**
 * Gives the space of a dataset's dropped keys back, in place, under the lock of its archive: see
 * punchDropped, whose errors it throws, and ConfigError.
 */
export async function giveBack(given: StoredDataset, options: GiveBackOptions = {}): Promise<Punched> {
  const { signal, breakLock, dryRun } = options
  const dataset = given.through(withStrictLinks)
  const { readOnly, dataset: layout } = await readLayout(dataset, { signal })
  const { version } = layout
  if (dryRun) return punchDropped(dataset, undefined, { version, signal })
  if (!dataset.store.traits.writable) throw new ConfigError(`${dataset.store.traits.root} can only be read by this URL`)
  if (readOnly !== undefined) throw new ConfigError(`treated as read-only: ${readOnly}`)
  const sharing = await readSharing(dataset, { signal })
  return withLock(dataset, { signal, sharing, breakLock }, async (lock, held) => {
    const changes = new Changes(dataset, lock, { sharing, signal: held })
    // One may be a second name of the archive.
    await removeLeftovers(dataset, changes, { signal: held })
    return punchDropped(dataset, changes, { version, sharing, signal: held })
  })
}
