import { createHash } from 'node:crypto'
import { ConfigError } from '../../core/errors.ts'

/** Which part of the content is to be read. */
export type Subset =
  /** A share of the keys, from 0 to 1: those that were read longest ago. */
  | { readonly share: number }
  /** The keys of group `part` of `of`, by their names: the same ones each time. */
  | { readonly part: number; readonly of: number }
  /** So many bytes: those that were read longest ago. */
  | { readonly bytes: number }
  /** Those that were damaged when they were read last. */
  | 'damaged'

/** Reads `5%`, `3/20` or `500G`. `parseBytes` reads a size. Throws ConfigError. */
export function parseSubset(text: string, parseBytes: (text: string) => number): Subset {
  const [, percent] = /^(\d+(?:\.\d+)?)%$/.exec(text) ?? []
  if (percent !== undefined && Number(percent) > 0 && Number(percent) <= 100) return { share: Number(percent) / 100 }
  const [, part, of] = /^(\d+)\/(\d+)$/.exec(text) ?? []
  if (Number(part) >= 1 && Number(part) <= Number(of)) return { part: Number(part), of: Number(of) }
  if (percent === undefined && part === undefined) return { bytes: parseBytes(text) }
  throw new ConfigError(`--subset ${JSON.stringify(text)} is none: 5%, 3/20 (the third of twenty parts) and 500G are`)
}

/** The group of a key, from 1 to `of`. */
export function partOf(key: string, of: number): number {
  return (createHash('md5').update(key).digest().readUInt32BE(0) % of) + 1
}
