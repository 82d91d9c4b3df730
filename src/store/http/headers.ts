import type { IncomingHttpHeaders } from 'node:http'
import { compresses, packingOf } from '../common/http-packed.ts'
import type { Stat } from '../store.ts'

/**
 * The part of a file that an answer holds: from `start`, inclusive, to `end`, exclusive, of `total`
 * bytes.
 */
export interface ContentRange {
  readonly start: number
  readonly end: number
  readonly total: number | undefined
}

/** Parses `bytes 0-9/100` and `bytes 0-9/*` (RFC 9110, section 14.4). */
export function parseContentRange(text: string | undefined): ContentRange | undefined {
  const [, start, last, total] = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(text ?? '') ?? []
  if (start === undefined) return undefined
  return { start: Number(start), end: Number(last) + 1, total: total === '*' ? undefined : Number(total) }
}

// The length of the file, from `bytes */100` of an answer 416 (in RFC 9110, section 14.4, too).
export function parseUnsatisfiedRange(text: string | undefined): number | undefined {
  const [, total] = /^bytes \*\/(\d+)$/.exec(text ?? '') ?? []
  return total === undefined ? undefined : Number(total)
}

export function contentLength(headers: IncomingHttpHeaders): number | undefined {
  const text = headers['content-length']
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
}

/**
 * The Stat of a file of `size` bytes. Its identity is the ETag, else the time of the last change
 * and the size. A proxy that marks the ETag as weak passes the same file on, for nobody is to
 * change its bytes.
 */
export function statFrom(headers: IncomingHttpHeaders, size: number, host: string): Stat {
  const { etag, 'last-modified': lastModified = '' } = headers
  const identity = etag?.replace(/^W\//, '') ?? `${lastModified} ${size}`
  const packing = packingOf(headers['content-encoding'])
  const doubt = packing && `${host} ${compresses(packing)}`
  return { size, mtimeMs: timeOf(lastModified), identity, ...(doubt && { doubt }) }
}

/** Ms since 1970, of a time as HTTP writes it. Undefined for what is none. */
export function timeOf(text: string | undefined): number | undefined {
  const ms = Date.parse(text ?? '')
  return Number.isNaN(ms) ? undefined : ms
}
