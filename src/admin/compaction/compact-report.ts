import { objectsDirectory } from '../../ria/layout/places.ts'
import type { Store } from '../../store/store.ts'
import type { LooseKey } from './loose.ts'
import type { Plan } from './plan.ts'

/** What a compaction would leave, if all goes well: every tombstone goes with its member. */
export function inodesAfter({ loose, dropped, old, few, members, drop, add, already }: Plan, before: number): number {
  if (few > 0) return before - (already.length > 0 ? loose.inodes - loose.inodesLeft : 0)
  const tombstones = dropped.size > 0 ? dropped.size + 1 : 0
  const archives = before - loose.inodes - tombstones - (old === undefined ? 0 : 1)
  return loose.inodesLeft + archives + (members.size - drop.length + add.length > 0 ? 1 : 0)
}

/** A line for each key whose length is not what its name says. */
export function damagedLines(store: Store, directory: string, plan: Plan): string[] {
  return plan.loose.damaged.map(
    (place) =>
      `${store.traits.root}/${objectsDirectory(directory)}/${place}: its length is not the key's; it stays loose`,
  )
}

/** Bytes. */
export function sumOfSizes(keys: readonly LooseKey[]): number {
  return keys.reduce((sum, { size }) => sum + size, 0)
}
