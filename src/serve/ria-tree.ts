import { createHash } from 'node:crypto'
import type { StoredKeys } from '../admin/inventory/stored-keys.ts'
import { isStoreError } from '../core/errors.ts'
import { formatGitConfig, parseGitConfig } from '../core/git-config.ts'
import { servedViews } from '../git/served-views.ts'
import { gravestonePath } from '../ria/layout/gravestone.ts'
import { DATASET_VERSIONS, LAYOUT_FILE } from '../ria/layout/paths.ts'
import { keyAtPlace, placesOf } from '../ria/layout/places.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import { sendBytes, sendFile, sendKey } from './content.ts'
import type { Exchange } from './exchange.ts'
import { ABSENT } from './failures.ts'
import { BYTES, TEXT } from './media-type.ts'
import type { Views } from './views.ts'

/** Objects as git keeps them; they are never changed. Source: gitrepository-layout(5). */
const GIT_OBJECT = /^objects\/(?:[0-9a-f]{2}\/[0-9a-f]{38}|pack\/pack-[0-9a-f]{40}\.(?:pack|idx))$/

/** What clients read in a bare repository's configuration; who keeps it may have more in there. */
const PUBLIC_CONFIG = /^(?:core\.(?:repositoryformatversion|bare|filemode)|annex\.uuid|datalad\..+)$/

const MAX_CONFIG_BYTES = 1024 * 1024

/** Answers with the layout file of the store itself. */
export async function sendStoreLayout(exchange: Exchange, views: Pick<Views, 'store'>): Promise<void> {
  if (!(await sendFile(exchange, views.store, LAYOUT_FILE, TEXT))) {
    exchange.refuse({ status: 503, message: 'the store is not there' })
  }
}

/** Answers with what became of a dataset that is not there any more, where that is known. */
export async function sendFate(exchange: Exchange, views: Views, id: string): Promise<void> {
  const dataset = await views.named(`${id.slice(0, 3)}/${id.slice(3)}`)
  const isGone = dataset !== undefined && !(await views.isThere(dataset, { signal: exchange.signal }))
  if (!isGone || !(await sendFile(exchange, views.store, gravestonePath(id), BYTES))) exchange.refuse(ABSENT)
}

/**
 * Answers as a plain RIA store on a web server would: every key lies loose there, at the place that
 * the dataset's layout gives it, and the files of the repository are as git's client for dumb HTTP
 * needs them. `directory`: `abc/def-…` or `alias/name`; `name`: the path in the dataset.
 */
export async function sendFromTree(exchange: Exchange, views: Views, directory: string, name: string): Promise<void> {
  const call = { signal: exchange.signal }
  const dataset = await views.named(directory)
  if (dataset === undefined) return exchange.refuse(ABSENT)
  const [, place] = /^annex\/objects\/(.+)$/.exec(name) ?? []
  if (place !== undefined) return sendPlace(exchange, views, dataset, place)
  if (!(await views.isThere(dataset, call))) return exchange.refuse(ABSENT)
  if (name === 'config') return sendConfig(exchange, views, dataset)
  if (name === 'HEAD' || name === 'info/refs' || name === 'objects/info/packs') {
    const text = (await servedViews(dataset, call))?.get(name)
    if (text === undefined) return exchange.refuse(ABSENT)
    return exchange.answer(200, TEXT, text, { 'Cache-Control': 'no-cache' })
  }
  const isServed = name === LAYOUT_FILE || GIT_OBJECT.test(name)
  if (!isServed || !(await sendFile(exchange, views.store, dataset.path(name), BYTES)))
    await refuse(exchange, views, dataset)
}

/**
 * A key that is read is there, and so is its dataset: it is looked for only when something fails.
 */
async function sendPlace(exchange: Exchange, views: Views, dataset: StoredDataset, place: string) {
  const key = keyAtPlace(place)?.key
  try {
    const version = await views.version(dataset)
    // At any other place no client looks, and a key there would be one that nobody can find. That
    // of the other layout is git-annex's first guess, and its only one for whether a key is there,
    // when it reads by httpalso (10.20261026).
    const isPlace = (each: string) => key !== undefined && placesOf(key, each).includes(place)
    if (key === undefined || ![version, ...DATASET_VERSIONS].some(isPlace))
      return await refuse(exchange, views, dataset)
    const send = (keys: StoredKeys) => sendKey(exchange, keys, key, { type: BYTES, tag: key })
    if (!(await views.withKeys(dataset, send))) await refuse(exchange, views, dataset)
  } catch (error) {
    const isGone = isStoreError(error, 'missing') && !exchange.hasBegun
    if (isGone && !(await views.isThere(dataset, { signal: exchange.signal }))) return exchange.refuse(ABSENT)
    throw error
  }
}

async function sendConfig(exchange: Exchange, views: Views, dataset: StoredDataset): Promise<void> {
  const bytes = await dataset.findSmall('config', MAX_CONFIG_BYTES, { signal: exchange.signal })
  if (bytes === undefined) return refuse(exchange, views, dataset)
  const config = await parseGitConfig(bytes, dataset.where(dataset.path('config')))
  const keys = [...config.keys()].filter((key) => PUBLIC_CONFIG.test(key))
  const text = formatGitConfig(keys.map((key) => [key, config.get(key) ?? '']))
  sendBytes(exchange, Buffer.from(text), {
    type: TEXT,
    tag: createHash('sha256').update(text).digest('hex'),
  })
}

/** The store has to be there still: only then what it has not is proven absent. */
async function refuse(exchange: Exchange, views: Views, dataset: StoredDataset): Promise<void> {
  await views.isThere(dataset, { signal: exchange.signal })
  exchange.refuse(ABSENT)
}
