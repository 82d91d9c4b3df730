import { isStoreError } from '../core/errors.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../store/store.ts'
import { readGitsRefs } from './refs/gits-own-refs.ts'
import { RefLog } from './refs/ref-log.ts'
import { isPackName } from './refs/ref-state.ts'
import { readText, viewsOf } from './refs/views.ts'

/** What git's client for dumb HTTP asks for by name. */
const NAMES = ['HEAD', 'info/refs', 'objects/info/packs'] as const

/**
 * The files by which git's client for dumb HTTP sees a repository, as they have to be now, whoever
 * wrote it: git itself does not keep them. Text by name; undefined when there is no repository.
 * Throws StoreError. Source: gitrepository-layout(5), gitprotocol-http(5).
 */
export async function servedViews(
  dataset: StoredDataset,
  call: CallOptions = {},
): Promise<ReadonlyMap<string, string> | undefined> {
  try {
    const state = await new RefLog(dataset).newest(call)
    if (state.generation > 0) return new Map(viewsOf(state))
    const found = await readGitsRefs(dataset, call)
    if (found === undefined) return undefined
    const packs = await packNames(dataset, call)
    return new Map(viewsOf({ generation: 0, ...found, packs, loose: [], merged: new Map(), aliases: [] }))
  } catch (error) {
    // A web server lists nothing, and shows what somebody else wrote.
    if (!isStoreError(error, 'unsupported')) throw error
    return shownViews(dataset, call)
  }
}

async function packNames(dataset: StoredDataset, call: CallOptions): Promise<string[]> {
  const names = new Set<string>()
  for await (const { path } of dataset.store.children(dataset.path('objects/pack'), call)) {
    names.add(path.slice(path.lastIndexOf('/') + 1))
  }
  const packs = [...names].flatMap((name) => (name.endsWith('.pack') ? [name.slice(0, -'.pack'.length)] : []))
  return packs.filter((pack) => isPackName(pack) && names.has(`${pack}.idx`)).sort()
}

async function shownViews(dataset: StoredDataset, call: CallOptions): Promise<Map<string, string> | undefined> {
  const views = new Map<string, string>()
  for (const name of NAMES) {
    const text = await readText(dataset.store, dataset.path(name), call)
    if (text !== undefined) views.set(name, text)
  }
  return views.has('info/refs') ? views : undefined
}
