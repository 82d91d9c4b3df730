import { hash } from 'node:crypto'
import { encode } from './text.ts'

const DIGITS = '0123456789zqjxkmvwgpfZQJXKMVWGPF'

/** A key up to its name, with the fields that only a chunk has (internals/key_format). */
const CHUNK = /^([^-]+(?:-[sm][0-9]+)*)(?:-[SC][0-9]+)+--/

/**
 * The two hash directories of a key, as git-annex computes them (internals/hashing): `mixed` is
 * `aB/Cd`, from five bits each of the MD5's first little-endian word; `lower` is `abc/def`, the
 * MD5's first six hex digits. The chunks of a key lie in the directories of the whole.
 */
export function dirHash(text: string): { readonly mixed: string; readonly lower: string } {
  const hex = hash('md5', encode(text.replace(CHUNK, '$1--')))
  const word = Buffer.from(hex.slice(0, 8), 'hex').readUInt32LE(0)
  const digit = (n: number) => DIGITS.charAt((word >>> (6 * n)) & 31)
  return {
    mixed: `${digit(1)}${digit(0)}/${digit(3)}${digit(2)}`,
    lower: `${hex.slice(0, 3)}/${hex.slice(3, 6)}`,
  }
}
