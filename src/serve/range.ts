import type { ByteRange } from '../store/store.ts'

/** What a client wants of content: all of it, a part, or a part that is not there. */
export type WantedRange = 'all' | 'none' | (ByteRange & { readonly end: number })

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
