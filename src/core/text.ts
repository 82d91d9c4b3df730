import { isUtf8 } from 'node:buffer'

/**
 * Names on POSIX are bytes. Inside riastore they are strings: UTF-8 where it is UTF-8, and each
 * byte that is not becomes a lone surrogate U+DC80…U+DCFF, so that `encode(decode(b))` gives back
 * `b` for any bytes (Python's PEP 383 does the same).
 */
export function decode(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return isUtf8(buffer) ? buffer.toString('utf8') : decodeMixed(buffer)
}

export function encode(text: string): Buffer {
  return isText(text) ? Buffer.from(text, 'utf8') : encodeMixed(text)
}

/** False when the name holds bytes that are no UTF-8. */
export function isText(text: string): boolean {
  return text.isWellFormed()
}

/** A path for node's file functions: a string where it can be, else the very bytes. */
export function toFsPath(path: string): string | Buffer {
  return isText(path) ? path : encodeMixed(path)
}

function decodeMixed(buffer: Buffer): string {
  let text = ''
  for (let i = 0; i < buffer.length; ) {
    const length = sequenceLength(buffer, i)
    if (length === 0) {
      text += String.fromCharCode(0xdc00 + (buffer[i] ?? 0))
      i += 1
    } else {
      text += buffer.toString('utf8', i, i + length)
      i += length
    }
  }
  return text
}

/** Length of the valid UTF-8 sequence at `i`, or 0. */
function sequenceLength(buffer: Buffer, i: number): number {
  for (let length = 1; length <= 4 && i + length <= buffer.length; length++) {
    if (isUtf8(buffer.subarray(i, i + length))) return length
  }
  return 0
}

function encodeMixed(text: string): Buffer {
  const parts: Buffer[] = []
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    parts.push(code >= 0xdc80 && code <= 0xdcff ? Buffer.from([code - 0xdc00]) : Buffer.from(character, 'utf8'))
  }
  return Buffer.concat(parts)
}
