import { type FileFacts, filesAt } from '../../admin/inventory/files.ts'
import type { FileAddress } from '../by-path.ts'
import type { Exchange } from '../exchange.ts'
import { ABSENT } from '../failures.ts'
import { TEXT, typeOfName } from '../media-type.ts'
import type { Views } from '../views.ts'
import { BEGINNING, END, type Member, response } from './multistatus.ts'
import { propertiesAsked } from './properties-asked.ts'

/** What clients ask for before they mount something. Source: RFC 4918, 10.1. */
export const DAV_HEADERS = { DAV: '1', Allow: 'OPTIONS, GET, HEAD, PROPFIND' }

/** Branches of git-annex, and those by which it syncs. */
const NOT_WORKED_ON = /^refs\/heads\/(git-annex$|synced\/)/

/**
 * Answers PROPFIND for what is below `/d/`: datasets, their branches and tags, and files. Whether
 * the store has the content of a file is not looked at. Source: RFC 4918, 9.1.
 */
export async function sendProperties(exchange: Exchange, views: Views, address: Partial<FileAddress>) {
  const { depth = 'infinity' } = exchange.request.headers
  const asked = await propertiesAsked(exchange.request)
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
      await exchange.write(Buffer.from(BEGINNING))
    }
    await exchange.write(Buffer.from(response(path, member, asked)))
    if (isSelf && depth === '0') break
    isSelf = false
  }
  exchange.end(END)
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
      const label = file.path.slice(file.path.lastIndexOf('/') + 1)
      const name = entry.kind === 'directory' ? label : ''
      yield { name, label, type: typeOf(file), size: file.size, tag: file.key, modifiedMs }
    }
  }
  return entry.kind === 'directory' ? collection(modifiedMs, files()) : files()
}

/** As GET says it; undefined for a collection. */
function typeOf({ kind, key, path }: FileFacts): string | undefined {
  if (kind === 'directory' || kind === 'subdataset') return undefined
  return kind === 'link' && key === undefined ? TEXT : typeOfName(path)
}

async function* collection(modifiedMs: number | undefined, members: AsyncIterable<Member>): AsyncIterable<Member> {
  yield { name: '', type: undefined, modifiedMs }
  yield* members
}

async function* datasets(views: Views, call: { readonly signal: AbortSignal }): AsyncIterable<Member> {
  for await (const { name } of views.datasets(call)) yield { name, type: undefined }
}

/** Branches and tags by their short names. */
async function* refsOf(refs: Iterable<string>): AsyncIterable<Member> {
  const names = new Set(['HEAD'])
  for (const ref of refs) {
    const [, short] = /^refs\/(?:heads|tags)\/(.+)$/s.exec(ref) ?? []
    if (short !== undefined && !NOT_WORKED_ON.test(ref)) names.add(short)
  }
  for (const name of names) yield { name, type: undefined }
}
