import { objectsDirectory } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { Builder } from './builder.ts'
import type { Built } from './check-built.ts'
import { type LeftReason, type LooseKey, placesOfAll } from './loose.ts'
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
  const bytes = sumOfSizes(plan.add)
  const loose = plan.loose.without(placesOfAll([...plan.add, ...plan.already]))
  const after = {
    ...before,
    looseKeys: loose.count,
    looseBytes: loose.bytes,
    archivedKeys: plan.members.size - plan.drop.length + plan.add.length,
    archiveBytes: before.archiveBytes + bytes,
    inodes: before.inodes === undefined ? undefined : inodesAfter(plan, before.inodes, loose.inodes),
  }
  return {
    directory: dataset.directory,
    dryRun: true,
    by: undefined,
    packed: { keys: plan.add.length, bytes },
    purged: plan.drop.length,
    left: { ...plan.loose.left, ...(plan.few > 0 && { few: plan.few }) },
    problems: damagedLines(dataset, plan),
    before,
    after,
  }
}

/** What a compaction did. */
export interface Done {
  readonly plan: Plan
  readonly built: Built
  readonly by: Builder['kind'] | undefined
  readonly gaveBack?: number | undefined
  readonly before: Usage
  readonly after: Usage
}

/** Tells what a compaction did. */
export function reportOf(dataset: StoredDataset, { plan, built, by, gaveBack, before, after }: Done): CompactReport {
  const { damaged, changed, unread, packed } = built
  const isDamaged = damaged.length + (plan.loose.left.damaged ?? 0)
  const where = (place: string) => `${dataset.store.traits.root}/${objectsDirectory(dataset.directory)}/${place}`
  return {
    directory: dataset.directory,
    dryRun: false,
    by,
    packed: { keys: packed.length, bytes: sumOfSizes(packed) },
    purged: plan.drop.length,
    ...(gaveBack !== undefined && { gaveBack }),
    left: {
      ...plan.loose.left,
      ...(isDamaged > 0 && { damaged: isDamaged }),
      ...(plan.few > 0 && { few: plan.few }),
      ...(changed.length > 0 && { changed: changed.length }),
      ...(unread.length > 0 && { unread: unread.length }),
    },
    problems: [
      ...damagedLines(dataset, plan),
      ...damaged.map(({ place }) => `${where(place)}: its content does not have the key's checksum; it stays loose`),
      ...unread.map(({ place }) => `${where(place)}: 7z could not read it; it stays loose`),
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
  return looseAfter + others + (members.size - drop.length + add.length > 0 ? 1 : 0)
}

function damagedLines(dataset: StoredDataset, plan: Plan): string[] {
  return plan.loose.damaged.map(
    (place) =>
      `${dataset.store.traits.root}/${objectsDirectory(dataset.directory)}/${place}: its length is not the key's; it stays loose`,
  )
}

function sumOfSizes(keys: readonly LooseKey[]): number {
  return keys.reduce((sum, { size }) => sum + size, 0)
}
