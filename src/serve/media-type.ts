import { basename } from 'node:path/posix'
import { getMimeType } from 'hono/utils/mime'

/** The media type of what nobody named. */
export const BYTES = 'application/octet-stream'

/** That of what is read by people. */
export const TEXT = 'text/plain; charset=utf-8'

/** What datasets have much of and hono does not know. */
const TYPES: ReadonlyMap<string, string> = new Map([
  ['tsv', 'text/tab-separated-values; charset=utf-8'],
  ['md', 'text/markdown; charset=utf-8'],
  ['yaml', 'application/yaml'],
  ['yml', 'application/yaml'],
  ['cff', 'application/yaml'],
  ['dcm', 'application/dicom'],
  ...['bval', 'bvec', 'log', 'm', 'py', 'r', 'rst', 'sh'].map((name) => [name, TEXT] as const),
])

/** What says something of a dataset. Source: BIDS, "Modality agnostic files". */
const PLAIN = /^(?:README|CHANGES|CHANGELOG|LICENSE|COPYING|AUTHORS)$/

/** The media type that a file's name tells. */
export function typeOfName(path: string): string {
  const name = basename(path)
  const extension = /\.(\w+)$/.exec(name)?.[1]?.toLowerCase() ?? ''
  // It is looked up in an object, which has more than types: `.constructor`.
  const known: unknown = TYPES.get(extension) ?? getMimeType(name)
  return typeof known === 'string' ? known : PLAIN.test(name) ? TEXT : BYTES
}
