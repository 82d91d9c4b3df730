import type { Coder } from './folder.ts'

type Library = typeof import('@napi-rs/lzma')
let library: Promise<Library | undefined> | undefined

/** Loads the library of native code. undefined on a platform that it has no build for. */
export function loadLzma(): Promise<Library | undefined> {
  library ??= import('@napi-rs/lzma').catch(() => undefined)
  return library
}

/**
 * What has to stand in front of LZMA data for the library: the properties and the length, the
 * `.lzma` file format. Throws Error.
 */
export function lzmaHead({ properties, unpackedSize }: Coder): Uint8Array {
  if (properties.length !== 5) throw new Error(`${properties.length} bytes of properties instead of 5`)
  const head = Buffer.alloc(13)
  head.set(properties)
  head.writeBigUInt64LE(BigInt(unpackedSize), 5)
  return head
}

/**
 * Throws Error unless the chunks of an LZMA2 stream add up to exactly `unpackedSize`: the library
 * gives as much as the data says, and a few kB of it can say gigabytes. A chunk: a control byte,
 * the unpacked size less 1, for LZMA also the packed size less 1 and perhaps the properties.
 * Control 0 ends the stream, 1 and 2 are stored data.
 */
export function checkLzma2Length(data: Uint8Array, unpackedSize: number): void {
  let total = 0
  let at = 0
  const word = (position: number) => ((data[position] ?? 0) << 8) | (data[position + 1] ?? 0)
  while (data[at] !== 0) {
    const control = data[at]
    if (control === undefined) throw new Error('it ends too early')
    if (control < 0x80) {
      if (control > 2) throw new Error('an unknown kind of chunk')
      const length = word(at + 1) + 1
      total += length
      at += 3 + length
    } else {
      total += (((control & 0x1f) << 16) | word(at + 1)) + 1
      at += (control >= 0xc0 ? 6 : 5) + word(at + 3) + 1
    }
    if (total > unpackedSize) break
  }
  if (total !== unpackedSize) throw new Error(`it holds ${total} bytes instead of ${unpackedSize}`)
}
