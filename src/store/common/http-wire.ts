import { StoreError } from '../../core/errors.ts'
import type { Bytes } from '../../core/source.ts'
import { encode } from '../../core/text.ts'
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

/** Percent-encodes all bytes but those that mean themselves anywhere (RFC 3986, section 2.3). */
export function encodePath(path: string): string {
  return encode(path)
    .toString('latin1')
    .replace(/[^A-Za-z0-9._~/-]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
}

/**
 * The error for a range that reaches beyond what came, which says something of the file when its
 * length is sure.
 */
export function tooShort(op: string, where: string, { size, doubt }: Stat): StoreError {
  if (doubt === undefined)
    return new StoreError({ kind: 'corrupt', op, where, message: `the file has ${size} bytes only` })
  return new StoreError({ kind: 'unsupported', op, where, message: `${doubt}: what came has ${size} bytes` })
}

/** No bytes at all. */
export async function* noBytes(): Bytes {}
