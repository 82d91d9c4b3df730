import { filesAt } from '../admin/inventory/files.ts'
import type { FileAddress } from './by-path.ts'
import { typeOfName } from './content.ts'
import type { Exchange } from './exchange.ts'
import { ABSENT } from './failures.ts'
import { escapePart } from './url-part.ts'
import type { Views } from './views.ts'

/** What clients ask for before they mount something. Source: RFC 4918, 10.1. */
export const DAV_HEADERS = { DAV: '1', Allow: 'OPTIONS, GET, HEAD, PROPFIND' }

/** Branches of git-annex, and those by which it syncs. */
const NOT_WORKED_ON = /^refs\/heads\/(git-annex$|synced\/)/

/** A file or a collection, as PROPFIND tells of it. */
interface Member {
  /** Below the address that was asked for; empty for what is there itself. */
  readonly name: string
  readonly isCollection: boolean
  /** In bytes; undefined where nobody knows, and for collections. */
  readonly size?: number | undefined
  /** Changes when the content does. */
  readonly tag?: string | undefined
  readonly modifiedMs?: number | undefined
}

/**
 * Answers PROPFIND for what is below `/d/`: datasets, their branches and tags, and files. Whether
 * the store has the content of a file is not looked at. Source: RFC 4918, 9.1.
 */
export async function sendProperties(exchange: Exchange, views: Views, address: Partial<FileAddress>) {
  const { depth = 'infinity' } = exchange.request.headers
  if (depth !== '0' && depth !== '1') {
    const error = '<?xml version="1.0" encoding="utf-8"?>\n<error xmlns="DAV:"><propfind-finite-depth/></error>\n'
    return exchange.answer(403, 'application/xml; charset=utf-8', error)
  }
  const members = await membersOf(exchange, views, address)
  if (members === undefined) return exchange.refuse(ABSENT)
  const path = exchange.path
  let isSelf = true
  for await (const member of members) {
    if (!exchange.hasBegun) {
      exchange.begin(207, { ...DAV_HEADERS, 'Content-Type': 'application/xml; charset=utf-8' })
      await exchange.write(Buffer.from('<?xml version="1.0" encoding="utf-8"?>\n<multistatus xmlns="DAV:">\n'))
    }
    await exchange.write(Buffer.from(response(path, member)))
    if (isSelf && depth === '0') break
    isSelf = false
  }
  exchange.end('</multistatus>\n')
}

/** What is at an address, and then what is in it. Undefined when nothing is. */
async function membersOf(
  exchange: Exchange,
  views: Views,
  { dataset: name = '', ref = '', path = '' }: Partial<FileAddress>,
): Promise<AsyncIterable<Member> | undefined> {
  const call = { signal: exchange.signal }
  if (name === '') return collection(undefined, datasets(views, call))
  const dataset = await views.find(name, call)
  if (dataset === undefined) return undefined
  if (ref === '') return collection(undefined, refsOf((await views.refs(dataset)).refs.keys()))
  const revision = await views.revision(dataset, ref, call)
  const entry = await revision?.find(path)
  if (revision === undefined || entry === undefined) return undefined
  const modifiedMs = revision.commit.committedMs
  const files = async function* (): AsyncGenerator<Member, void, void> {
    for await (const file of filesAt(dataset, revision, undefined, {
      ...call,
      paths: [entry.path],
      recursive: false,
    })) {
      const isCollection = file.kind === 'directory' || file.kind === 'subdataset'
      const fileName = file.path.slice(file.path.lastIndexOf('/') + 1)
      yield {
        name: entry.kind === 'directory' ? fileName : '',
        isCollection,
        size: file.size,
        tag: file.key,
        modifiedMs,
      }
    }
  }
  return entry.kind === 'directory' ? collection(modifiedMs, files()) : files()
}

async function* collection(modifiedMs: number | undefined, members: AsyncIterable<Member>): AsyncIterable<Member> {
  yield { name: '', isCollection: true, modifiedMs }
  yield* members
}

async function* datasets(views: Views, call: { readonly signal: AbortSignal }): AsyncIterable<Member> {
  for await (const { name } of views.datasets(call)) yield { name, isCollection: true }
}

/** Branches and tags by their short names. */
async function* refsOf(refs: Iterable<string>): AsyncIterable<Member> {
  const names = new Set(['HEAD'])
  for (const ref of refs) {
    const [, short] = /^refs\/(?:heads|tags)\/(.+)$/s.exec(ref) ?? []
    if (short !== undefined && !NOT_WORKED_ON.test(ref)) names.add(short)
  }
  for (const name of names) yield { name, isCollection: true }
}

function response(above: string, { name, isCollection, size, tag, modifiedMs }: Member): string {
  const base = name === '' || above.endsWith('/') ? above : `${above}/`
  const href = `${base}${escapePart(name)}`
  const properties = [
    `<resourcetype>${isCollection ? '<collection/>' : ''}</resourcetype>`,
    ...(name === '' ? [] : [`<displayname>${escaped(name)}</displayname>`]),
    ...(isCollection ? [] : [`<getcontenttype>${escaped(typeOfName(name || above))}</getcontenttype>`]),
    ...(size === undefined ? [] : [`<getcontentlength>${size}</getcontentlength>`]),
    ...(tag === undefined ? [] : [`<getetag>${escaped(`"${escapePart(tag)}"`)}</getetag>`]),
    ...(modifiedMs === undefined ? [] : [`<getlastmodified>${new Date(modifiedMs).toUTCString()}</getlastmodified>`]),
  ]
  const end = isCollection && !href.endsWith('/') ? '/' : ''
  return `<response><href>${escaped(href)}${end}</href><propstat><prop>${properties.join('')}</prop>\
<status>HTTP/1.1 200 OK</status></propstat></response>\n`
}

/** Characters that XML has no place for are those of names that nobody could mount. */
function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  const clean = text.replace(/[^\P{Cc}\t\n\r]|[\ufffe\uffff]/gu, '\ufffd')
  return clean.replace(/[&<>"]/g, (found) => entities[found] ?? '')
}
