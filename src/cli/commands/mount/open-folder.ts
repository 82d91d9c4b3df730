import { join, resolve } from 'node:path'
import { openClone } from '../../../bulk/clone/clone.ts'
import { cacheDirectory } from '../../../core/cache-directory.ts'
import { ConfigError } from '../../../core/errors.ts'
import { KeyCache } from '../../../mount/cache/key-cache.ts'
import { DatasetFolder } from '../../../mount/dataset-folder.ts'
import { Folder } from '../../../mount/folder.ts'
import { KeyFiles } from '../../../mount/key-files.ts'
import { type Answers, ownerOfOurs } from '../../../mount/mounting.ts'
import { StoreFolder } from '../../../mount/store-folder.ts'
import { type Found, Tree } from '../../../mount/tree.ts'
import { findDataset, realDirectory } from '../../../ria/layout/datasets.ts'
import { noStore } from '../../../ria/layout/no-store.ts'
import { LAYOUT_FILE } from '../../../ria/layout/paths.ts'
import type { StoredDataset } from '../../../ria/layout/stored-dataset.ts'
import type { Store } from '../../../store/store.ts'
import { openStage, stagedCommit } from './stage.ts'

export interface OpenFolder {
  readonly answers: Answers
  readonly commit: string | undefined
  close(): Promise<void>
}

export interface FolderOptions {
  readonly all: boolean
  /** The clone whose work tree it is. */
  readonly stage: string | undefined
  /** Default: mount in the user's cache. */
  readonly cache: string | undefined
  /** Bytes. */
  readonly cacheLimit: number
  readonly signal: AbortSignal
  /** Gets where the keys are that were read whole. */
  readonly whole?: Map<string, string>
}

/** Throws ConfigError for a dataset or commit that is not there, and StoreError. */
export async function openFolder(store: Store, names: readonly string[], options: FolderOptions): Promise<OpenFolder> {
  const { signal, whole } = options
  const [name, ...more] = names
  const isOne = name !== undefined && more.length === 0
  if (options.all ? names.length > 0 : !isOne) {
    throw new ConfigError('which dataset? Give one as id or ~alias, or --all')
  }
  const directory = options.cache === undefined ? join(cacheDirectory(), 'mount') : resolve(options.cache)
  const cache = new KeyCache({ directory, limit: options.cacheLimit })
  const onWhole = (key: string, inCache: string) => whole?.set(key, cache.pathOf(inCache))
  const files = { cache, indexDirectory: cacheDirectory(), signal, onWhole }
  const closing = (folder: { close(): Promise<void> }) => async () => {
    cache.close()
    await folder.close()
  }
  if (name === undefined) {
    if ((await store.stat(LAYOUT_FILE, { signal })) === undefined) throw noStore(store)
    const all = new StoreFolder(store, files)
    return { answers: readOnly(all.top), commit: undefined, close: closing(all) }
  }
  const { dataset, ref } = await datasetOf(store, name, signal)
  if (options.stage !== undefined) {
    const keys = await KeyFiles.open(dataset, files)
    const commit = await stagedCommit(await openClone(options.stage), signal)
    return { answers: await openStage(options.stage, keys), commit, close: closing(keys) }
  }
  const folder = await DatasetFolder.open(dataset, ref, files)
  return { answers: readOnly(folder.top(Buffer.alloc(0))), commit: folder.commit, close: closing(folder) }
}

/** What is in the cache is known by where a dataset really is, whatever it was called. */
export async function datasetOf(
  store: Store,
  name: string,
  signal: AbortSignal,
): Promise<{ readonly dataset: StoredDataset; readonly id: string; readonly ref: string | undefined }> {
  const [word, ref] = splitAt(name)
  const found = await findDataset(store, word, { signal })
  const dataset = found.at((await realDirectory(found, { signal })) ?? found.directory)
  return { dataset, id: dataset.directory.replace('/', ''), ref }
}

/** `~alias@v1`: DATASET and REF. */
function splitAt(name: string): readonly [string, string | undefined] {
  const at = name.indexOf('@')
  return at < 0 ? [name, undefined] : [name.slice(0, at), name.slice(at + 1)]
}

function readOnly(top: Found): Answers {
  return new Folder(new Tree(top), ownerOfOurs())
}
