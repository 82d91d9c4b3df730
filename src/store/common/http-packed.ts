import { StoreError } from '../../core/errors.ts'

/**
 * Names by which a server knows that a file is packed, and says so though it sends the file as it
 * lies there.
 */
const EXTENSIONS: Readonly<Record<string, RegExp>> = {
  gzip: /\.(gz|tgz|svgz)$/i,
  'x-gzip': /\.(gz|tgz|svgz)$/i,
  compress: /\.(z|taz)$/i,
  'x-compress': /\.(z|taz)$/i,
  bzip2: /\.(bz2|tbz2?)$/i,
  'x-bzip2': /\.(bz2|tbz2?)$/i,
  xz: /\.(xz|txz)$/i,
  'x-xz': /\.(xz|txz)$/i,
  br: /\.br$/i,
  zstd: /\.(zst|tzst)$/i,
}

/**
 * What a server says of how it packed a file, in lower case (RFC 9110, section 8.4). Undefined when
 * it did not, as it was asked.
 */
export function packingOf(contentEncoding: string | undefined): string | undefined {
  const packing = contentEncoding?.trim().toLowerCase()
  return packing === undefined || packing === '' || packing === 'identity' ? undefined : packing
}

/**
 * Whether that is the server's own work: the name of the file does not say that it is packed like
 * this.
 */
export function isPackedByServer(packing: string | undefined, path: string): packing is string {
  return packing !== undefined && !(EXTENSIONS[packing]?.test(path) ?? false)
}

/**
 * The error for a file whose own bytes cannot be had: neither its length nor its content is what
 * came.
 */
export function packedError(op: string, where: string, host: string, packing: string): StoreError {
  return new StoreError({ kind: 'unsupported', op, where, message: `${host} ${compresses(packing)}` })
}

/** Reads well after the name of a server. */
export function compresses(packing: string): string {
  return `compresses what it sends (Content-Encoding: ${packing.slice(0, 40)}), though it was asked not to`
}
