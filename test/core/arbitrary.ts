import fc from 'fast-check'

/** Any text: every character of Unicode, the odd ones of ASCII often. */
export function anyText(maxLength = 30): fc.Arbitrary<string> {
  const character = fc.oneof(
    fc.integer({ min: 0, max: 0x7f }),
    fc.integer({ min: 0, max: 0x10f7ff }).map((n) => (n < 0xd800 ? n : n + 0x800)),
  )
  return fc.array(character, { maxLength }).map((codes) => String.fromCodePoint(...codes))
}

/** Any bytes, often UTF-8 with some of its bytes lost. */
export function anyBytes(maxLength = 40): fc.Arbitrary<Uint8Array> {
  const broken = fc
    .tuple(anyText(maxLength), fc.nat(maxLength), fc.integer({ min: 1, max: 3 }))
    .map(([text, from, count]) => {
      const bytes = Buffer.from(text)
      return new Uint8Array(Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + count)]))
    })
  return fc.oneof(fc.uint8Array({ maxLength }), broken)
}
