import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ConfigError, codeOf, messageOf, oneLine, StoreError } from '../../src/core/errors.ts'

test('the message of a StoreError is one line that says what was done, to what, and what came of it', () => {
  const error = new StoreError({ kind: 'denied', op: 'get', where: '/store/a\nb', message: 'no:\r\n  you may not\n' })
  expect(error.message).toBe('get /store/a b: no: you may not')
  expect(error.reason).toBe('no: you may not')
})

test('a StoreError may have been sent, and did not stall, unless it says otherwise', () => {
  const fields = { kind: 'transient', op: 'put', where: 'x', message: 'm' } as const
  expect(new StoreError(fields)).toMatchObject({ sent: 'maybe', stalled: false })
  expect(new StoreError({ ...fields, sent: 'no', stalled: true })).toMatchObject({ sent: 'no', stalled: true })
})

test('a StoreError keeps what caused it', () => {
  const cause = new Error('deeper')
  expect(new StoreError({ kind: 'full', op: 'put', where: 'x', message: 'm', cause }).cause).toBe(cause)
})

test('any text becomes one line with its words in order', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', ' ', '\n', '\r', '\0', '\t', 'é') }), (text) => {
      const line = oneLine(text)
      expect(line).not.toMatch(/[\r\n\0]/)
      expect(line.replace(/[\s\0]/g, '')).toBe(text.replace(/[\s\0]/g, ''))
    }),
  )
})

test('whatever was thrown has a message on one line', () => {
  expect(messageOf(new Error('a\nb'))).toBe('a b')
  expect(messageOf('text\n')).toBe('text')
  expect(messageOf(undefined)).toBe('undefined')
  expect(new ConfigError('two\nlines').message).toBe('two lines')
})

test("node's error code is found, and nothing else is taken for one", () => {
  expect(codeOf(Object.assign(new Error(), { code: 'ENOENT' }))).toBe('ENOENT')
  expect(codeOf(Object.assign(new Error(), { code: 404 }))).toBeUndefined()
  expect(codeOf({ code: 'ENOENT' })).toBeUndefined()
})
