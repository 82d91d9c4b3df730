import type { KeyProgress, StoredKeys } from '../admin/inventory/stored-keys.ts'
import { parseKey } from '../core/key.ts'
import type { ByteRange, Consumer, Store } from '../store/store.ts'
import type { Exchange } from './exchange.ts'
import { escapePart } from './url-part.ts'

/** What is said of content besides its length. */
export interface Described {
  readonly type: string
  /** Changes when the content does; without quotes. */
  readonly tag: string
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * Answers with the content of a key, loose or out of an archive; false when it is proven absent. A
 * whole key is held against its checksum: the end is held back until that is right, and a client
 * never gets the last bytes of a damaged one.
 */
export async function sendKey(exchange: Exchange, keys: StoredKeys, key: string, what: Described): Promise<boolean> {
  const { size } = parseKey(key)
  const head = headOf(exchange, size, what)
  const call = { signal: exchange.signal }
  if (exchange.isHead || head.range === 'none' || head.status === 304) {
    if (!(await keys.has(key, call))) return false
    exchange.begin(head.status, head.headers)
    exchange.end()
    return true
  }
  const range = head.range === 'all' ? undefined : head.range
  const progress: KeyProgress = {}
  let held: Uint8Array | undefined
  const write = async (chunk: Uint8Array) => {
    const before = held
    held = Buffer.from(chunk) // the reader uses its memory again
    if (before === undefined) return
    if (!exchange.hasBegun) exchange.begin(head.status, head.headers)
    if (!(await exchange.offer(before))) throw SLOW
  }
  const read = () => keys.readIfThere(key, write, { ...call, range, progress })
  if (!(await patiently(exchange, read))) {
    if (!exchange.hasBegun) return false
    throw new Error(`key ${key} was removed while it was sent`)
  }
  if (!exchange.hasBegun) exchange.begin(head.status, head.headers)
  exchange.end(held)
  return true
}

/**
 * Answers with a file of the store, as it is. False when the store says that there is no such file:
 * the caller knows whether that proves anything.
 */
export async function sendFile(exchange: Exchange, store: Store, path: string, type: string): Promise<boolean> {
  const call = { signal: exchange.signal }
  const stat = await store.stat(path, call)
  if (stat === undefined) return false
  const head = headOf(exchange, stat.size, { type, tag: stat.identity })
  if (exchange.isHead || head.range === 'none' || head.status === 304 || stat.size === 0) {
    exchange.begin(head.status, head.headers)
    exchange.end()
    return true
  }
  let sent = head.range === 'all' ? 0 : head.range.start
  const end = head.range === 'all' ? stat.size : head.range.end
  const consume: Consumer = async (bytes) => {
    if (!exchange.hasBegun) exchange.begin(head.status, head.headers)
    for await (const chunk of bytes) {
      sent += chunk.length
      // The reader uses its memory again.
      if (!(await exchange.offer(Buffer.from(chunk))) && sent < end) throw SLOW
    }
  }
  const range = () => ({ start: sent, end })
  await patiently(exchange, () => store.get(path, consume, { ...call, ifMatch: stat.identity, range }))
  exchange.end()
  return true
}

/** Thrown by who writes to a slow client: a backend lets only so many read at once. */
const SLOW = new Error('the client is slow')

/**
 * Reads, and stops as long as the client takes nothing, so that clients who are slow keep no place
 * from others. `read` goes on where it stopped.
 */
async function patiently<T>(exchange: Exchange, read: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await read()
    } catch (error) {
      if (error !== SLOW) throw error
      await exchange.taken()
    }
  }
}

/** Answers with bytes that are here. */
export function sendBytes(exchange: Exchange, bytes: Buffer, what: Described): void {
  const head = headOf(exchange, bytes.length, what)
  exchange.begin(head.status, head.headers)
  if (head.range === 'none' || head.status === 304) exchange.end()
  else exchange.end(head.range === 'all' ? bytes : bytes.subarray(head.range.start, head.range.end))
}

/** What is said of a whole content. `size` in bytes. */
export function contentHeaders(what: Described, size: number) {
  return { ...ofAnyPart(what), 'Accept-Ranges': 'bytes', 'Content-Length': size }
}

/** What is said of a part of a content. `size`: of all of it, in bytes. */
export function partHeaders(what: Described, size: number, { start, end }: Part) {
  const part = { 'Content-Range': `bytes ${start}-${end - 1}/${size}`, 'Content-Length': end - start }
  return { ...ofAnyPart(what), 'Accept-Ranges': 'bytes', ...part }
}

function ofAnyPart({ type, tag, headers }: Described) {
  return { ...headers, ETag: `"${escapePart(tag)}"`, 'Content-Type': type, 'Cache-Control': 'no-cache' }
}

/** Status, headers and part that answer a request for content. `size` undefined: nobody knows. */
function headOf({ request }: Exchange, size: number | undefined, what: Described) {
  const common = ofAnyPart(what)
  const etag = common.ETag
  if (namesTag(request.headers['if-none-match'], etag))
    return { status: 304, range: 'all', headers: { ETag: etag } } as const
  if (size === undefined) return { status: 200, range: 'all', headers: common } as const
  const ifRange = request.headers['if-range']
  const isWanted = request.method === 'GET' && (ifRange === undefined || ifRange === etag)
  const asked = isWanted ? request.headers.range : undefined
  const range = wantedRange(asked, size)
  if (range === 'all') return { status: 200, range, headers: contentHeaders(what, size) } as const
  if (range === 'none') {
    const total = { 'Content-Range': `bytes */${size}`, 'Content-Length': 0 }
    return { status: 416, range, headers: { ...common, 'Accept-Ranges': 'bytes', ...total } } as const
  }
  return { status: 206, range, headers: partHeaders(what, size, range) } as const
}

/** Source: RFC 9110, 13.1.2. */
function namesTag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  return header.split(',').some((each) => each.trim().replace(/^W\//, '') === etag || each.trim() === '*')
}

/** Bytes from `start` to before `end`. */
export type Part = ByteRange & { readonly end: number }

/** What a client wants of content: all of it, a part, or a part that is not there. */
export type WantedRange = 'all' | 'none' | Part

/**
 * Reads a Range header against content of `size` bytes. What is none, or asks for several ranges,
 * is answered with all, as a server may. Source: RFC 9110, 14.2.
 */
export function wantedRange(header: string | undefined, size: number): WantedRange {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header?.replaceAll(' ', '') ?? '') ?? []
  if (first === '' && last === '') return 'all'
  if (first === '') {
    const length = Math.min(Number(last), size)
    return length === 0 ? 'none' : { start: size - length, end: size }
  }
  const [start, end] = [Number(first), last === '' ? size : Math.min(Number(last) + 1, size)]
  if (last !== '' && Number(last) < start) return 'all'
  return start < size ? { start, end } : 'none'
}
