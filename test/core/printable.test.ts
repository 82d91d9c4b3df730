import fc from 'fast-check'
import { expect, test } from 'vitest'
import { messageOf, StoreError } from '../../src/core/errors.ts'
import { printable, printableLines } from '../../src/core/printable.ts'
import { anyText } from './arbitrary.ts'

test.each([
  ['a name with colours', '\u001b[31mred', '\\u001b[31mred'],
  ['the eight-bit form of an escape sequence', '\u009b2J', '\\u009b2J'],
  ['a name that goes back over what was printed', 'good\rbad\b\b\u007f', 'good\\u000dbad\\u0008\\u0008\\u007f'],
  ['a name of two lines', 'one\ntwo\u2028three', 'one\\u000atwo\\u2028three'],
  ['a name whose end is shown first', 'exe\u202egpj.txt', 'exe\\u202egpj.txt'],
  ['a name with bytes that are no UTF-8', 'a\udc9bb', 'a\\udc9bb'],
])('%s is shown without its effect', (_what, text, shown) => {
  expect(printable(text)).toBe(shown)
})

test('what a terminal only shows stays as it is', () => {
  for (const text of ['MD5E-s3--0a.nii.gz', 'Ünïcödé 例 😀', 'back\\slash "quotes"', ''])
    expect(printable(text)).toBe(text)
})

test('text of several lines keeps its lines and tabs, and nothing else that moves the cursor', () => {
  expect(printableLines('a\tb\n\u001b[2Jc\r\n')).toBe('a\tb\n\\u001b[2Jc\\u000d\n')
})

test('no text at all keeps a character that a terminal acts on, and making it safe twice changes nothing', () => {
  fc.assert(
    fc.property(anyText(), (text) => {
      const shown = printable(text)
      expect(shown).not.toMatch(/[\p{Cc}\p{Cs}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u)
      expect(printable(shown)).toBe(shown)
    }),
  )
})

test('JSON that is made safe says the same', () => {
  fc.assert(
    fc.property(anyText(), (name) => {
      const value = { name, 'x\u009b': 'y\u202e' }
      expect(JSON.parse(printableLines(JSON.stringify(value)))).toEqual(value)
    }),
  )
})

test('the message of any error is safe, and where it happened is kept as it is', () => {
  const where = '/store/\u001b]0;title\u0007x'
  const error = new StoreError({ kind: 'denied', op: 'get', where, message: 'no\u001b[1m' })
  expect(error.message).toBe('get /store/\\u001b]0;title\\u0007x: no\\u001b[1m')
  expect(error.where).toBe(where)
  expect(messageOf(new Error('\u009bx'))).toBe('\\u009bx')
})
