import { filesAt } from '../admin/inventory/files.ts'
import type { StoredKeys } from '../admin/inventory/stored-keys.ts'
import { ConfigError } from '../core/errors.ts'
import { parseKey } from '../core/key.ts'
import { annexKeyOf } from '../git/annexed-file.ts'
import type { Revision, RevisionEntry } from '../git/revision.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import { sendBytes, sendKey } from './content.ts'
import type { Exchange } from './exchange.ts'
import { ABSENT } from './failures.ts'
import { PAGE_HEADERS, queryOf, sendList, wantsJson } from './lists.ts'
import { TEXT, typeOfName } from './media-type.ts'
import { readReadme } from './pages/card.ts'
import { aboutDataset, HISTORY_COLUMNS, historyRow, readmeSection } from './pages/card-page.ts'
import { FILE_COLUMNS, fileRow, PAGE, PAGE_END, pageTop, TABLE_END, tableTop } from './pages/page.ts'
import { PREVIEW_BYTES, previewOf } from './pages/preview.ts'
import { canPreview, isPicture } from './pages/preview-kinds.ts'
import { besides, commitHref, DATASET_LINKS, fileLinks, trailTo } from './served-links.ts'
import { escapePart } from './url-part.ts'
import type { Views } from './views.ts'

/** What a dataset's own files may do in a browser: nothing, for strangers wrote them. */
const FILE_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self'"

/** So many commits are shown. */
const MAX_HISTORY = 100

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
    const top = `/d/${escapePart(address.dataset)}/HEAD/`
    return exchange.answer(308, 'text/plain', '', { Location: top })
  }
  const revision = dataset && (await views.revision(dataset, address.ref, call))
  const entry = await revision?.find(address.path)
  if (dataset === undefined || revision === undefined || entry === undefined) return exchange.refuse(ABSENT)
  if (entry.kind === 'subdataset') return exchange.refuse({ status: 404, message: 'this is a subdataset' })
  const query = queryOf(exchange)
  if (entry.kind !== 'directory' && query.has('view'))
    return sendView(exchange, views, dataset, revision, { entry, address })
  if (entry.kind !== 'directory') return sendEntry(exchange, views, dataset, revision, entry)
  if (address.path !== '' && !address.path.endsWith('/')) {
    // Relative links would lead astray.
    const name = entry.path.slice(entry.path.lastIndexOf('/') + 1)
    return exchange.answer(308, 'text/plain', '', { Location: `./${escapePart(name)}/` })
  }
  if (entry.path === '' && query.has('history')) return sendHistory(exchange, revision, address)
  const archive = query.get('archive')
  if (archive === null) return sendDirectory(exchange, views, dataset, revision, { entry, address })
  if (archive !== 'zip' && archive !== 'tar') throw new ConfigError('?archive= is zip or tar')
  const name = entry.name || address.dataset.replace(/^~/, '')
  const { sendFolder } = await import('./folder-archive.ts')
  await views.withKeys(dataset, (keys) => sendFolder(exchange, keys, revision, entry, { kind: archive, name }))
}

async function sendEntry(
  exchange: Exchange,
  views: Views,
  dataset: StoredDataset,
  revision: Revision,
  entry: RevisionEntry,
): Promise<void> {
  const key = await annexKeyOf(revision, entry)
  const type = entry.kind === 'link' && key === undefined ? TEXT : typeOfName(entry.path)
  const headers = {
    'Content-Security-Policy': FILE_POLICY,
    'Content-Disposition': `inline; filename*=UTF-8''${encodeURIComponent(entry.name.toWellFormed()).replaceAll("'", '%27')}`,
  }
  if (key === undefined) return sendBytes(exchange, await revision.read(entry), { type, tag: entry.id, headers })
  const send = (keys: StoredKeys) => sendKey(exchange, keys, key, { type, tag: key, headers })
  if (!(await views.withKeys(dataset, send))) exchange.refuse(ABSENT)
}

/** A page about a file: a picture, the first rows of a table, the beginning of a text. */
async function sendView(
  exchange: Exchange,
  views: Views,
  dataset: StoredDataset,
  revision: Revision,
  { entry, address }: { readonly entry: RevisionEntry; readonly address: FileAddress },
): Promise<void> {
  if (!canPreview(entry.name)) throw new ConfigError('there is no view of such a file')
  const key = await annexKeyOf(revision, entry)
  const size = key === undefined ? await revision.sizeOf(entry) : parseKey(key).size
  const beginning: Buffer[] = []
  if (key === undefined) beginning.push((await revision.read(entry)).subarray(0, PREVIEW_BYTES))
  else {
    const range = { start: 0, end: Math.min(size ?? 0, isPicture(entry.name) ? 0 : PREVIEW_BYTES) }
    const write = async (chunk: Uint8Array) => void beginning.push(Buffer.from(chunk))
    const call = { signal: exchange.signal, range }
    const isThere = await views.withKeys(dataset, async (keys) =>
      range.end === 0 ? keys.has(key, call) : keys.readIfThere(key, write, call),
    )
    if (!isThere) return exchange.refuse(ABSENT)
  }
  const intro = previewOf(entry.name, size, Buffer.concat(beginning), besides(entry.name))
  const top = pageTop(entry.name, trailTo(address.dataset, address.ref, entry.path), intro)
  exchange.answer(200, PAGE, top + PAGE_END, PAGE_HEADERS)
}

async function sendHistory(exchange: Exchange, revision: Revision, { dataset, ref }: FileAddress): Promise<void> {
  const trail = [...trailTo(dataset, ref, ''), [dataset, './'] as const]
  await sendList(exchange, revision.history(MAX_HISTORY), {
    top: pageTop('History', trail) + tableTop(HISTORY_COLUMNS),
    row: (commit) => historyRow(commit, commitHref(commit.id)),
    object: (commit) => commit,
    end: async () => TABLE_END,
  })
}

async function sendDirectory(
  exchange: Exchange,
  views: Views,
  dataset: StoredDataset,
  revision: Revision,
  { address, entry }: { readonly address: FileAddress; readonly entry: RevisionEntry },
): Promise<void> {
  const { dataset: name, ref } = address
  const { path } = entry
  const options = { paths: [path], recursive: false, signal: exchange.signal }
  const isPage = !wantsJson(exchange) && !exchange.isHead
  const card = path === '' && isPage ? await views.card(dataset, revision) : undefined
  const readme = isPage ? (card?.readme ?? (await readReadme(revision, entry))) : undefined
  const { committedMs } = revision.commit
  const cloneUrl = `${storeUrl(exchange)}#${dataset.directory.replace('/', '')}`
  const about = { cloneUrl, ref, committedMs, links: DATASET_LINKS }
  const title = path === '' ? (card?.title ?? name) : path
  await views.withKeys(dataset, (keys) =>
    sendList(exchange, filesAt(dataset, revision, keys, options), {
      top: pageTop(title, trailTo(name, ref, path), card && aboutDataset(card, about)) + tableTop(FILE_COLUMNS),
      row: (file) => fileRow(file, fileLinks(file)),
      object: (file) => file,
      end: async () => TABLE_END + (readme === undefined ? '' : readmeSection(readme)),
    }),
  )
}

/** The URL by which a client that asks us so can clone; what it said is not believed for more. */
function storeUrl({ request }: Exchange): string {
  const host = /^[\w.:[\]-]+$/.exec(request.headers.host ?? '')?.[0] ?? 'localhost'
  const isSecure = request.headers['x-forwarded-proto'] === 'https'
  return `ria+${isSecure ? 'https' : 'http'}://${host}/`
}
