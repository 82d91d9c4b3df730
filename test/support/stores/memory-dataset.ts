import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bufferSource, collect } from '../../../src/core/source.ts'
import { type DatasetSettings, RiaDataset } from '../../../src/ria/keys/ria-dataset.ts'
import { openMemoryStore } from '../../../src/store/memory.ts'
import type { Store, StoreTraits } from '../../../src/store/store.ts'
import { withMethods } from './stores.ts'

export const ID = '6d69ca68-7e85-11e6-904c-002590f97d84'
export const UUID = '11111111-2222-3333-4444-555555555555'
export const DIRECTORY = '6d6/9ca68-7e85-11e6-904c-002590f97d84'
export const CONTENT = Buffer.from('the content of the key')
/** A key with CONTENT, and its only place. */
export const KEY = 'MD5-s22--f5d00c5dfb5f567982edd73a406d18a1'
export const PLACE = `${DIRECTORY}/annex/objects/W8/p2/${KEY}/${KEY}`

export interface MemoryOptions {
  /** What the layout file of the store says; undefined: there is none. */
  readonly store?: string | undefined
  /** What the layout file of the dataset says; undefined: there is none. */
  readonly dataset?: string | undefined
  /** The dataset's git configuration. */
  readonly config?: string
}

/** A store in memory with one dataset in it. */
export async function memoryStore(options: MemoryOptions = {}): Promise<Store> {
  const store = openMemoryStore()
  const { store: ofStore, dataset: ofDataset, config } = { store: '1\n', dataset: '2\n', ...options }
  if (ofStore !== undefined) await put(store, 'ria-layout-version', ofStore)
  if (ofDataset !== undefined) await put(store, `${DIRECTORY}/ria-layout-version`, ofDataset)
  if (config !== undefined) await put(store, `${DIRECTORY}/config`, config)
  return store
}

export function dataset(store: Store, settings: Partial<DatasetSettings> = {}): RiaDataset {
  return new RiaDataset(store, { id: ID, annexUuid: UUID, ...settings })
}

export async function put(store: Store, path: string, content: Uint8Array | string): Promise<void> {
  await store.put(path, bufferSource(content))
}

export async function read(store: Store, path: string): Promise<Buffer> {
  let content: Buffer = Buffer.alloc(0)
  await store.get(path, async (bytes) => {
    content = await collect(bytes, 1_000_000)
  })
  return content
}

export async function paths(store: Store): Promise<string[]> {
  const found: string[] = []
  for await (const { path } of store.list('')) found.push(path)
  return found.sort()
}

/** The same store, as if its backend were of another kind. */
export function withTraits(store: Store, traits: Partial<StoreTraits>): Store {
  return withMethods(store, { traits: { ...store.traits, ...traits } })
}

/** A directory for downloads. */
export async function downloads(): Promise<{ file: (name: string) => string; remove: () => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'riastore-ria-'))
  return { file: (name) => join(directory, name), remove: () => rm(directory, { recursive: true, force: true }) }
}
