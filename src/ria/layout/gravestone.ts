import { findSmall } from '../../store/read-small.ts'
import type { CallOptions } from '../../store/store.ts'
import { asMovedTo, commandsForClones } from './moved-to.ts'
import type { StoredDataset } from './stored-dataset.ts'

/** Bytes. */
const MAX_BYTES = 4096

/** What is kept of datasets that were removed, by their ids. */
export const trashOf = (id: string) => `trash/${id}`

/** Says, for those who look for a dataset, that and when it was removed. */
export const gravestonePath = (id: string) => `${trashOf(id)}/removed`

/** When a dataset was removed, and until when it can be brought back, if it can. ISO 8601. */
export interface Gravestone {
  readonly removed: string
  readonly until?: string | undefined
  /** The URL of the store that it was moved to, and the storage sibling there: see MovedTo. */
  readonly movedTo?: string | undefined
  readonly sibling?: string | undefined
}

export function formatGravestone(stone: Gravestone): string {
  return `${JSON.stringify(stone)}\n`
}

/**
 * What became of a dataset that is not there: in words that go on after "the dataset is not in the
 * store"; empty where nothing is known of it, or nobody can look.
 */
export async function fateOf({ store, directory }: StoredDataset, call: CallOptions): Promise<string> {
  if (directory.startsWith('alias/')) return ''
  try {
    const text = await findSmall(store, gravestonePath(directory.replace('/', '')), MAX_BYTES, call)
    const { removed, until, movedTo, sibling } = JSON.parse(text?.toString() ?? '{}')
    if (typeof removed !== 'string') return ''
    const moved = asMovedTo(movedTo, sibling)
    if (moved !== undefined) {
      const commands = commandsForClones(moved, directory).join('; ')
      return `: it was moved to ${moved.url} on ${day(removed)}; each clone has to be told: ${commands}`
    }
    const kept = typeof until === 'string' ? `; riastore restore brings it back until ${day(until)}` : ' for good'
    return `: it was removed from it on ${day(removed)}${kept}`
  } catch {
    return '' // what is missing is told all the same
  }
}

/** Whether something says that a dataset was removed. Throws StoreError. */
export async function hasGravestone({ store, directory }: StoredDataset, call: CallOptions): Promise<boolean> {
  return (await store.stat(gravestonePath(directory.replace('/', '')), call)) !== undefined
}

function day(iso: string): string {
  return iso.slice(0, 10)
}
