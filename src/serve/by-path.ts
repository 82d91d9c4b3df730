import { describeDataset } from '../admin/inventory/describe.ts'
import type { DatasetFacts } from '../admin/inventory/facts.ts'
import { filesAt } from '../admin/inventory/files.ts'
import type { StoredKeys } from '../admin/inventory/stored-keys.ts'
import { ConfigError } from '../core/errors.ts'
import { inOrder } from '../core/parallel.ts'
import { annexKeyOf } from '../git/annexed-file.ts'
import type { Revision, RevisionEntry } from '../git/revision.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import { sendBytes, sendKey, typeOfName } from './content.ts'
import type { Exchange } from './exchange.ts'
import { ABSENT } from './failures.ts'
import {
  DATASET_COLUMNS,
  datasetRow,
  FILE_COLUMNS,
  fileRow,
  PAGE,
  PAGE_END,
  PAGE_POLICY,
  pageTop,
  trailTo,
} from './pages.ts'
import type { Views } from './views.ts'

/** What a dataset's own files may do in a browser: nothing, for strangers wrote them. */
const FILE_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self'"

/** A dataset needs several calls of the store. */
const DATASETS_AT_ONCE = 8

/** Where a file is: what stands in the path of a URL, without escapes. */
export interface FileAddress {
  /** An id or a `~alias`; an alias without `~` too. */
  readonly dataset: string
  /** A branch, a tag, HEAD, or the whole id of a commit. */
  readonly ref: string
  /** From the top of the dataset; a directory's ends with `/`, the top is empty. */
  readonly path: string
}

/** Answers with the file at a path of a dataset, or with a list of what is in a directory. */
export async function sendByPath(exchange: Exchange, views: Views, address: FileAddress): Promise<void> {
  const call = { signal: exchange.signal }
  if (address.dataset === '') return exchange.answer(308, 'text/plain', '', { Location: '/' })
  const dataset = await views.find(address.dataset, call)
  if (dataset !== undefined && address.ref === '') {
    const top = `/d/${encodeURIComponent(address.dataset)}/HEAD/`
    return exchange.answer(308, 'text/plain', '', { Location: top })
  }
  const revision = dataset && (await views.revision(dataset, address.ref, call))
  const entry = await revision?.find(address.path)
  if (dataset === undefined || revision === undefined || entry === undefined) return exchange.refuse(ABSENT)
  if (entry.kind === 'subdataset') return exchange.refuse({ status: 404, message: 'this is a subdataset' })
  if (entry.kind !== 'directory') return sendEntry(exchange, views, dataset, revision, entry)
  if (address.path !== '' && !address.path.endsWith('/')) {
    // Relative links would lead astray.
    const name = entry.path.slice(entry.path.lastIndexOf('/') + 1)
    return exchange.answer(308, 'text/plain', '', { Location: `./${encodeURIComponent(name)}/` })
  }
  const archive = queryOf(exchange).get('archive')
  if (archive === null) return sendDirectory(exchange, views, dataset, revision, { ...address, path: entry.path })
  if (archive !== 'zip' && archive !== 'tar') throw new ConfigError('?archive= is zip or tar')
  const name = entry.name || address.dataset.replace(/^~/, '')
  const { sendFolder } = await import('./folder-archive.ts')
  await views.withKeys(dataset, (keys) => sendFolder(exchange, keys, revision, entry, { kind: archive, name }))
}

/** Answers with a list of all datasets. */
export async function sendDatasets(exchange: Exchange, views: Views): Promise<void> {
  const call = { signal: exchange.signal }
  const aliases = await views.aliases()
  const datasets = inOrder(views.datasets(call), DATASETS_AT_ONCE, (dataset) =>
    describeDataset(dataset, { ...call, aliases: aliases.get(dataset.directory) }),
  )
  await sendList(exchange, datasets, {
    top: pageTop('Datasets', [], DATASET_COLUMNS),
    row: datasetRow,
    object: ({ id, aliases: names, name, newest }: DatasetFacts) => ({ id, aliases: names, name, newest }),
  })
}

async function sendEntry(
  exchange: Exchange,
  views: Views,
  dataset: StoredDataset,
  revision: Revision,
  entry: RevisionEntry,
): Promise<void> {
  const key = await annexKeyOf(revision, entry)
  const type = entry.kind === 'link' && key === undefined ? 'text/plain; charset=utf-8' : typeOfName(entry.path)
  const headers = {
    'Content-Security-Policy': FILE_POLICY,
    'Content-Disposition': `inline; filename*=UTF-8''${encodeURIComponent(entry.name).replaceAll("'", '%27')}`,
  }
  if (key === undefined) return sendBytes(exchange, await revision.read(entry), { type, tag: entry.id, headers })
  const send = (keys: StoredKeys) => sendKey(exchange, keys, key, { type, tag: key, headers })
  if (!(await views.withKeys(dataset, send))) exchange.refuse(ABSENT)
}

async function sendDirectory(
  exchange: Exchange,
  views: Views,
  dataset: StoredDataset,
  revision: Revision,
  address: FileAddress,
): Promise<void> {
  const { dataset: name, ref, path } = address
  const options = { paths: [path], recursive: false, signal: exchange.signal }
  await views.withKeys(dataset, (keys) =>
    sendList(exchange, filesAt(dataset, revision, keys, options), {
      top: pageTop(path === '' ? name : path, trailTo(name, ref, path), FILE_COLUMNS),
      row: fileRow,
      object: (file) => file,
    }),
  )
}

interface ListForms<T> {
  /** Of a page, before its rows. */
  readonly top: string
  readonly row: (item: T) => string
  readonly object: (item: T) => object
}

/** As a page, or an object of JSON a line for whoever asks for that, in the order of the items. */
async function sendList<T>(exchange: Exchange, items: AsyncIterable<T>, forms: ListForms<T>): Promise<void> {
  const isJson = wantsJson(exchange)
  const begin = () => {
    if (exchange.hasBegun) return ''
    const type = isJson ? 'application/jsonl; charset=utf-8' : PAGE
    exchange.begin(200, { 'Content-Type': type, 'Content-Security-Policy': PAGE_POLICY, 'Cache-Control': 'no-cache' })
    return isJson ? '' : forms.top
  }
  if (exchange.isHead) {
    begin()
    return exchange.end()
  }
  for await (const item of items) {
    const text = isJson ? `${JSON.stringify(forms.object(item))}\n` : forms.row(item)
    await exchange.write(Buffer.from(begin() + text))
  }
  exchange.end(Buffer.from(begin() + (isJson ? '' : PAGE_END)))
}

/** What stands behind the `?`. */
function queryOf({ request }: Exchange): URLSearchParams {
  return new URLSearchParams(/\?(.*)$/s.exec(request.url ?? '')?.[1])
}

function wantsJson(exchange: Exchange): boolean {
  const format = queryOf(exchange).get('format')
  if (format !== null) return format === 'json'
  const { request } = exchange
  return /\bapplication\/(jsonl|json)\b/.test(request.headers.accept ?? '')
}
