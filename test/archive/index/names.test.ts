import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  copyUnits,
  decodeName,
  encodeName,
  fromArchiveName,
  hashName,
  MAX_BYTES_PER_UNIT,
  NameList,
  toArchiveName,
} from '../../../src/archive/index/names.ts'
import { decode } from '../../../src/core/text.ts'

/** Any UTF-16 but NUL, lone surrogates too, with ASCII more often than not. */
const anyName = fc
  .array(
    fc.oneof(
      fc.integer({ min: 1, max: 0x7f }),
      fc.integer({ min: 1, max: 0xffff }),
      fc.integer({ min: 0xd7fe, max: 0xe001 }),
    ),
  )
  .map((units) => String.fromCharCode(...units))

function unitsOf(text: string): Uint16Array {
  return copyUnits(Buffer.from(text, 'utf16le'), new Uint16Array(text.length))
}

describe('NameList', () => {
  it('gives the same however the names are cut into parts', () => {
    fc.assert(
      fc.property(fc.array(anyName, { maxLength: 8 }), fc.array(fc.nat({ max: 20 })), (names, lengths) => {
        const text = names.map((name) => `${name}\0`).join('')
        const list = new NameList(names.length)
        const parts: Buffer[] = []
        const cuts = [...lengths]
        for (let at = 0; at < text.length; ) {
          const units = unitsOf(text.slice(at, at + (cuts.pop() ?? text.length)))
          const output = Buffer.alloc((units.length + 1) * MAX_BYTES_PER_UNIT)
          parts.push(output.subarray(0, list.add(units, output)))
          at += units.length
        }
        expect(list.atEnd).toBe(true)
        expect(list.count).toBe(names.length)
        const bytes = Buffer.concat(parts)
        expect(bytes).toEqual(Buffer.concat(names.map(encodeName)))
        let start = 0
        for (const [i, name] of names.entries()) {
          const end = list.ends[i] as number
          expect(decodeName(bytes.subarray(start, end))).toBe(name)
          expect(list.hashes[i]).toBe(hashName(name))
          start = end
        }
        expect(list.longest).toBe(Math.max(0, ...names.map((name) => encodeName(name).length)))
      }),
    )
  })

  it('notices names that are too many, and a name that has not ended', () => {
    const list = new NameList(1)
    expect(list.add(unitsOf('a\0b'), Buffer.alloc(20))).toBe(2)
    expect(list.atEnd).toBe(false)
    expect(list.add(unitsOf('c\0'), Buffer.alloc(20))).toBe(-1)
    const half = new NameList(1)
    half.add(unitsOf('\ud800'), Buffer.alloc(20))
    expect(half.atEnd).toBe(false)
  })
})

describe('a name', () => {
  it('is written as UTF-8 where it is text', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        if (name.isWellFormed()) expect(encodeName(name)).toEqual(Buffer.from(name))
        expect(decodeName(encodeName(name))).toBe(name)
      }),
    )
  })

  it('is never written like another one', () => {
    fc.assert(fc.property(anyName, anyName, (a, b) => a === b || !encodeName(a).equals(encodeName(b))))
  })

  it('that is any bytes survives the way into an archive and back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const name = decode(bytes)
        expect(fromArchiveName(toArchiveName(name))).toBe(name)
        expect(toArchiveName(name).isWellFormed()).toBe(true)
      }),
    )
  })

  it('is escaped as 7-Zip does it', () => {
    expect(toArchiveName(decode(Buffer.from('b\xff.dat', 'latin1')))).toBe('b\uefff.dat')
    expect(toArchiveName('q\uef80')).toBe('q\uefee\uefbe\uef80')
    expect(toArchiveName('ünï 😀')).toBe('ünï 😀')
  })
})
