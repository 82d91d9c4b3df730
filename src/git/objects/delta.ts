/** A number of a delta, seven bits a byte, the lowest first, and where the next begins. */
function sizeAt(delta: Buffer, start: number): readonly [value: number, next: number] {
  let value = 0
  let factor = 1
  for (let at = start; ; at++) {
    const byte = delta[at]
    if (byte === undefined) throw new RangeError('the delta ends too soon')
    value += (byte & 0x7f) * factor
    factor *= 0x80
    if (byte < 0x80) return [value, at + 1]
  }
}

/** The length of what a delta makes, in bytes; its beginning is enough. */
export function resultSize(delta: Buffer): number {
  return sizeAt(delta, sizeAt(delta, 0)[1])[0]
}

/**
 * Makes an object out of another. Source: gitformat-pack(5), "Deltified representation". Throws
 * RangeError for a delta that is none of this object.
 */
export function applyDelta(base: Buffer, delta: Buffer): Buffer {
  const [baseSize, afterBase] = sizeAt(delta, 0)
  const [size, start] = sizeAt(delta, afterBase)
  if (baseSize !== base.length) throw new RangeError('the delta is of another object')
  const result = Buffer.alloc(size)
  let written = 0
  for (let at = start; at < delta.length; ) {
    const command = delta[at] ?? 0
    at += 1
    let piece: Buffer
    if (command & 0x80) {
      let [offset, length] = [0, 0]
      for (let i = 0; i < 4; i++) if (command & (1 << i)) offset += (delta[at++] ?? 0) * 2 ** (8 * i)
      for (let i = 0; i < 3; i++) if (command & (0x10 << i)) length += (delta[at++] ?? 0) * 2 ** (8 * i)
      length ||= 0x10000
      piece = base.subarray(offset, offset + length)
      if (piece.length !== length) throw new RangeError('the delta copies what is not there')
    } else {
      if (command === 0) throw new RangeError('the delta has a command that nobody knows')
      piece = delta.subarray(at, at + command)
      at += command
    }
    if (written + piece.length > size) throw new RangeError('the delta makes too much')
    written += piece.copy(result, written)
  }
  if (written !== size) throw new RangeError('the delta makes too little')
  return result
}
