import { createHash } from 'node:crypto'
import { encode } from '../../core/text.ts'

/** One of `of` parts, from 1 on. */
export interface Part {
  readonly part: number
  readonly of: number
}

/** Reads `3/20`, the third of twenty; undefined for what is no part. */
export function parsePart(text: string): Part | undefined {
  const [, part, of] = /^(\d+)\/(\d+)$/.exec(text) ?? []
  return Number(part) >= 1 && Number(part) <= Number(of) ? { part: Number(part), of: Number(of) } : undefined
}

/** The part that a name belongs to, from 1 to `of`: the same on every machine. */
export function partOf(name: string, of: number): number {
  return (createHash('md5').update(encode(name)).digest().readUInt32BE(0) % of) + 1
}
