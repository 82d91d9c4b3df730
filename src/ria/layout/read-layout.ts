import { StoreError } from '../../core/errors.ts'
import { parseGitConfig } from '../../core/git-config.ts'
import { readSmall } from '../../store/read-small.ts'
import { parseSharing } from '../../store/sharing.ts'
import type { CallOptions, Sharing, Store } from '../../store/store.ts'
import { saysAppendOnly } from './append-only.ts'
import { fateOf } from './gravestone.ts'
import { STORE_GONE } from './no-store.ts'
import { DATASET_VERSIONS, LAYOUT_FILE, type LayoutVersion, parseLayoutVersion, STORE_VERSIONS } from './paths.ts'
import type { StoredDataset } from './stored-dataset.ts'

/** What a store and a dataset in it say of themselves. */
export interface Layout {
  readonly store: LayoutVersion
  readonly dataset: LayoutVersion
  /** Why nothing may be written here, or undefined. */
  readonly readOnly: string | undefined
  /**
   * What a user has to know of versions that we do not know, a line each; begins as ORA's words do.
   */
  readonly notices: readonly string[]
  /** The store wants errors in its error_logs. */
  readonly logErrors: boolean
  /** Nothing is removed or replaced. */
  readonly appendOnly: boolean
}

const NOT_THERE = 'the dataset is not in the RIA store'

/** No layout file and no bare repository's configuration is longer, in bytes. */
const SMALL_FILE_BYTES = 1024 * 1024

/**
 * Reads both layout files. Throws when one is missing or cannot be read: then nothing at all is
 * known of any key.
 */
export async function readLayout(dataset: StoredDataset, call: CallOptions): Promise<Layout> {
  const [store, inStore] = await Promise.allSettled([
    readVersion(dataset.store, LAYOUT_FILE, STORE_GONE, call),
    readVersion(dataset.store, dataset.path(LAYOUT_FILE), NOT_THERE, call, () => fateOf(dataset, call)),
  ])
  // Where the store is gone the dataset is, too, and whichever was found first says less.
  if (store.status === 'rejected') throw store.reason
  if (inStore.status === 'rejected') throw inStore.reason
  const [ofStore, ofDataset] = [store.value, inStore.value]
  const storeUnknown = unknown(ofStore, STORE_VERSIONS, dataset.where(LAYOUT_FILE))
  const datasetUnknown = unknown(ofDataset, DATASET_VERSIONS, dataset.where(dataset.path(LAYOUT_FILE)))
  return {
    store: ofStore,
    dataset: ofDataset,
    readOnly: storeUnknown ?? datasetUnknown,
    notices: [
      // Scripts look for ORA's names of the two, and DataLad's own tests do.
      ...notice('dataset tree', ofStore, storeUnknown),
      ...notice('object tree', ofDataset, datasetUnknown),
    ],
    appendOnly: saysAppendOnly(ofStore) || saysAppendOnly(ofDataset),
    logErrors: (ofStore.flags + ofDataset.flags).includes('l'),
  }
}

function unknown({ version }: LayoutVersion, known: readonly string[], where: string): string | undefined {
  if (known.includes(version)) return undefined
  return `${where} names layout version ${version}, and this program knows ${known.join(' and ')}`
}

function notice(what: string, { version }: LayoutVersion, reason: string | undefined): string[] {
  if (reason === undefined) return []
  return [
    `Remote ${what} reports version ${version}: ${reason}. It is only read, unless remote.<name>.ora-force-write is true`,
  ]
}

async function readVersion(
  store: Store,
  path: string,
  ifMissing: string,
  call: CallOptions,
  fate: () => Promise<string> = async () => '',
): Promise<LayoutVersion> {
  const where = `${store.traits.root}/${path}`
  try {
    return parseLayoutVersion((await read(store, path, call, true)).toString(), where)
  } catch (error) {
    if (!(error instanceof StoreError) || error.kind !== 'missing') throw error
    throw new StoreError({
      kind: 'missing',
      op: 'get',
      where,
      message: `${ifMissing}${await fate()} (${error.reason})`,
      cause: error,
    })
  }
}

/**
 * Reads core.sharedRepository from the dataset's bare repository. Without a config file nothing is
 * shared. git is asked only where there is something to ask: to start it for each of many datasets
 * costs more than all the rest.
 */
export async function readSharing(dataset: StoredDataset, call: CallOptions): Promise<Sharing | undefined> {
  const path = dataset.path('config')
  try {
    const text = await read(dataset.store, path, call)
    if (isPlainlyUnshared(text.toString('latin1'))) return undefined
    const config = await parseGitConfig(text, dataset.where(path))
    return parseSharing(config.get('core.sharedrepository'))
  } catch (error) {
    if (error instanceof StoreError && error.kind === 'missing') return undefined
    throw error
  }
}

/** A section, a setting with or without a value, a comment, or nothing. */
const PLAIN_LINE = /^\s*(\[[^\]]+\]|[a-z][a-z0-9-]*\s*(=.*)?|[#;].*)?$/i

/** What is no configuration is left for git to refuse. */
function isPlainlyUnshared(config: string): boolean {
  return !/sharedrepository/i.test(config) && config.split('\n').every((line) => PLAIN_LINE.test(line))
}

async function read(store: Store, path: string, { signal }: CallOptions, isLine = false): Promise<Buffer> {
  return readSmall(store, path, SMALL_FILE_BYTES, { signal, isLine }) // its progress is not the key's
}
