import { objectsDirectory } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { Builder } from './builder.ts'
import type { LeftReason } from './loose.ts'
import { STATE } from './loose-table.ts'
import type { Plan } from './plan.ts'
import type { Usage } from './usage.ts'

/** What a compaction did, or would do. */
export interface CompactReport {
  readonly directory: string
  readonly dryRun: boolean
  /** Says where 7z was run: undefined when nothing was to be packed. */
  readonly by: Builder['kind'] | undefined
  readonly packed: { readonly keys: number; readonly bytes: number }
  /** Members that were taken out of the archive: dropped keys, and copies that were replaced. */
  readonly purged: number
  /**
   * There was no room for another archive, and dropped keys gave so many bytes back in place;
   * undefined otherwise.
   */
  readonly gaveBack?: number | undefined
  /** Loose keys that stay loose, by reason. */
  readonly left: Readonly<Partial<Record<LeftReason | 'few' | 'changed' | 'unread', number>>>
  /** What is wrong with keys of the dataset; one line each. */
  readonly problems: readonly string[]
  readonly before: Usage
  readonly after: Usage
}

/** What a compaction by this plan would do, if all goes well. */
export function previewReport(dataset: StoredDataset, plan: Plan, before: Usage): CompactReport {
  const { count, bytes } = plan.add
  const loose = plan.loose.without(STATE.add, STATE.already)
  const after = {
    ...before,
    looseKeys: loose.count,
    looseBytes: loose.bytes,
    archivedKeys: plan.members.size - plan.drop.size + count,
    archiveBytes: before.archiveBytes + bytes,
    inodes: before.inodes === undefined ? undefined : inodesAfter(plan, before.inodes, loose.inodes),
  }
  return {
    directory: dataset.directory,
    dryRun: true,
    by: undefined,
    packed: { keys: count, bytes },
    purged: plan.drop.size,
    left: { ...plan.loose.left, ...(plan.few > 0 && { few: plan.few }) },
    problems: damagedLines(dataset, plan),
    before,
    after,
  }
}

/** What a compaction did. */
export interface Done {
  readonly plan: Plan
  readonly by: Builder['kind'] | undefined
  readonly gaveBack?: number | undefined
  readonly before: Usage
  readonly after: Usage
}

/** Tells what a compaction did. */
export function reportOf(dataset: StoredDataset, { plan, by, gaveBack, before, after }: Done): CompactReport {
  const { keys } = plan.loose
  const [packed, unread, changed] = [keys.in(STATE.packed), keys.in(STATE.unread), keys.in(STATE.changed).count]
  const isDamaged = keys.in(STATE.damaged).count + (plan.loose.left.damaged ?? 0)
  const where = (place: string) => `${dataset.store.traits.root}/${objectsDirectory(dataset.directory)}/${place}`
  return {
    directory: dataset.directory,
    dryRun: false,
    by,
    packed: { keys: packed.count, bytes: packed.bytes },
    purged: plan.drop.size,
    ...(gaveBack !== undefined && { gaveBack }),
    left: {
      ...plan.loose.left,
      ...(isDamaged > 0 && { damaged: isDamaged }),
      ...(plan.few > 0 && { few: plan.few }),
      ...(changed > 0 && { changed }),
      ...(unread.count > 0 && { unread: unread.count }),
    },
    problems: [
      ...damagedLines(dataset, plan),
      ...Array.from(
        keys.in(STATE.damaged).places,
        (place) => `${where(place)}: its content does not have the key's checksum; it stays loose`,
      ),
      ...Array.from(unread.places, (place) => `${where(place)}: 7z could not read it; it stays loose`),
    ],
    before,
    after,
  }
}

/** What a compaction would leave, if all goes well: every tombstone goes with its member. */
function inodesAfter(plan: Plan, before: number, looseAfter: number): number {
  const { loose, dropped, old, few, members, drop, add } = plan
  const archives = before - loose.usage.inodes
  if (few > 0) return looseAfter + archives
  const tombstones = dropped.size > 0 ? dropped.size + 1 : 0
  const others = archives - tombstones - (old === undefined ? 0 : 1)
  return looseAfter + others + (members.size - drop.size + add.count > 0 ? 1 : 0)
}

function damagedLines(dataset: StoredDataset, plan: Plan): string[] {
  return plan.loose.damaged.map(
    (place) =>
      `${dataset.store.traits.root}/${objectsDirectory(dataset.directory)}/${place}: its length is not the key's; it stays loose`,
  )
}
