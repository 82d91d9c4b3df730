import { ConfigError } from '../../core/errors.ts'
import { type Part, parsePart } from '../inventory/part.ts'

/** Which part of the content is to be read. */
export type Subset =
  /** A share of the keys, from 0 to 1: those that were read longest ago. */
  | { readonly share: number }
  /** The keys of group `part` of `of`, by their names: the same ones each time. */
  | Part
  /** So many bytes: those that were read longest ago. */
  | { readonly bytes: number }
  /** Those that were damaged when they were read last. */
  | 'damaged'

/** Reads `5%`, `3/20` or `500G`. `parseBytes` reads a size. Throws ConfigError. */
export function parseSubset(text: string, parseBytes: (text: string) => number): Subset {
  const [, percent] = /^(\d+(?:\.\d+)?)%$/.exec(text) ?? []
  if (percent !== undefined && Number(percent) > 0 && Number(percent) <= 100) return { share: Number(percent) / 100 }
  const part = parsePart(text)
  if (part !== undefined) return part
  if (percent === undefined && !text.includes('/')) return { bytes: parseBytes(text) }
  throw new ConfigError(`--subset ${JSON.stringify(text)} is none: 5%, 3/20 (the third of twenty parts) and 500G are`)
}
