import { StoreError } from '../../core/errors.ts'
import { packingByServer, rangeHeader, refuseLoginPage, wholeLength } from '../common/http-answer.ts'
import { deliverBody } from '../common/http-body.ts'
import { type Answer, drop } from '../common/http-client.ts'
import { statFrom } from '../common/http-headers.ts'
import { packedError } from '../common/http-packed.ts'
import { isAbsentStatus } from '../common/http-status.ts'
import { noBytes, tooShort } from '../common/http-wire.ts'
import type { ByteRange, Consumer, GetOptions, Stat } from '../store.ts'
import type { DavCall, DavRequests } from './requests.ts'

/**
 * Reads a file or a part of it. What GET shows counts only if PROPFIND knows the file: some servers
 * show a page for a directory, or for what is not there. Both are asked at once.
 */
export async function getFile(
  requests: DavRequests,
  call: DavCall,
  url: string,
  consume: Consumer,
  options: GetOptions,
): Promise<void> {
  const asked = typeof options.range === 'function' ? options.range() : options.range
  const range = asked?.start === 0 && asked.end === undefined ? undefined : asked
  if (range?.end !== undefined && range.end <= range.start)
    return getNothing(requests, call, url, range, consume, options)
  // What was found to be there, with an identity, need not be proven by each of its parts.
  const proof = options.ifMatch === undefined ? requests.stat(call, url) : undefined
  proof?.catch(() => {}) // awaited below
  const headers = range === undefined ? {} : rangeHeader(range)
  const answer = await requests.send(call, url, { method: 'GET', headers })
  try {
    if (proof !== undefined && (await proof) === undefined) throw missing(call)
    if (isAbsentStatus(answer.status) || answer.isDirectory) throw missing(call)
    if (answer.status === 416 && range !== undefined) {
      return await getNothing(requests, call, url, range, consume, options)
    }
    if (answer.status !== 200 && answer.status !== 206) throw requests.failed(call, answer)
    refuseLoginPage(call.op, url, answer)
    const packing = packingByServer(answer, url)
    if (packing !== undefined) throw packedError(call.op, url, answer.host, packing)
    const stat = await expected(requests, call, url, statOf(requests, call, answer), options)
    await deliverBody({ url, answer, range, stat, consume, options, signal: call.signal })
  } finally {
    if (!answer.response.readableEnded) await drop(answer)
  }
}

function statOf(requests: DavRequests, call: DavCall, answer: Answer): Stat {
  const size = wholeLength(answer)
  if (size === undefined) throw requests.refusal(call, 'does not say how long the file is')
  return statFrom(answer.response.headers, size, answer.host)
}

/**
 * The Stat that the caller knows the file by. A server may tell of it with another ETag in PROPFIND
 * than in GET: what it tells now, after it began to send, counts then.
 */
async function expected(
  requests: DavRequests,
  call: DavCall,
  url: string,
  stat: Stat,
  { ifMatch }: GetOptions,
): Promise<Stat> {
  if (ifMatch === undefined || ifMatch === stat.identity) return stat
  const told = await requests.stat(call, url)
  if (told?.identity === ifMatch && told.size === stat.size) return told
  throw replaced(call)
}

/** For a range that has no bytes, which a request cannot ask for. */
async function getNothing(
  requests: DavRequests,
  call: DavCall,
  url: string,
  range: ByteRange,
  consume: Consumer,
  { ifMatch }: GetOptions,
): Promise<void> {
  const stat = await requests.stat(call, url)
  if (stat === undefined) throw missing(call)
  if (ifMatch !== undefined && ifMatch !== stat.identity) throw replaced(call)
  if (range.start > stat.size || (range.end ?? 0) > stat.size) throw tooShort(call.op, url, stat)
  await consume(noBytes(), stat)
}

function missing({ op, where }: DavCall): StoreError {
  return new StoreError({ kind: 'missing', op, where, message: 'no such file' })
}

function replaced({ op, where }: DavCall): StoreError {
  return new StoreError({ kind: 'conflict', op, where, message: 'the file was replaced meanwhile' })
}
