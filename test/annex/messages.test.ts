import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Answer, formatMessage, type Incoming, parseMessage, type Request } from '../../src/annex/messages.ts'
import { printable } from '../../src/core/printable.ts'
import { anyText } from '../core/arbitrary.ts'

/** Characters that mean something somewhere, and one that stands for a byte that is no UTF-8. */
const CHARACTERS = [...'abcXYZ09-_./%&:= \t\r\0"\\é例😀', '\udcff']
const text = fc.string({ unit: fc.constantFrom(...CHARACTERS), maxLength: 20 })
const word = fc.string({ unit: fc.constantFrom(...CHARACTERS.filter((c) => c !== ' ')), minLength: 1, maxLength: 20 })
/** What is made safe for a terminal on its way is another text. */
const shown = text.map(printable)
const file = fc.string({ unit: fc.constantFrom(...CHARACTERS), minLength: 1, maxLength: 20 })

const requests: Readonly<Record<Request['verb'], fc.Arbitrary<Request>>> = {
  EXTENSIONS: fc.record({ verb: fc.constant('EXTENSIONS'), extensions: fc.array(word, { maxLength: 4 }) }),
  LISTCONFIGS: fc.constant({ verb: 'LISTCONFIGS' }),
  INITREMOTE: fc.constant({ verb: 'INITREMOTE' }),
  PREPARE: fc.constant({ verb: 'PREPARE' }),
  EXPORTSUPPORTED: fc.constant({ verb: 'EXPORTSUPPORTED' }),
  GETCOST: fc.constant({ verb: 'GETCOST' }),
  GETAVAILABILITY: fc.constant({ verb: 'GETAVAILABILITY' }),
  GETINFO: fc.constant({ verb: 'GETINFO' }),
  TRANSFER: fc.record({
    verb: fc.constant('TRANSFER'),
    direction: fc.constantFrom('STORE', 'RETRIEVE'),
    key: word,
    file,
  }),
  CHECKPRESENT: fc.record({ verb: fc.constant('CHECKPRESENT'), key: word }),
  REMOVE: fc.record({ verb: fc.constant('REMOVE'), key: word }),
  WHEREIS: fc.record({ verb: fc.constant('WHEREIS'), key: word }),
  CLAIMURL: fc.record({ verb: fc.constant('CLAIMURL'), url: text }),
  CHECKURL: fc.record({ verb: fc.constant('CHECKURL'), url: text }),
}

const answers: Readonly<Record<Answer['verb'], fc.Arbitrary<Answer>>> = {
  VALUE: fc.record({ verb: fc.constant('VALUE'), value: text }),
  CREDS: fc.record({ verb: fc.constant('CREDS'), user: word, password: text }),
}

const messages: Readonly<Record<string, fc.Arbitrary<Incoming>>> = {
  ...requests,
  ...answers,
  ERROR: fc.record({ verb: fc.constant('ERROR'), message: shown }),
}

test.each(Object.entries(messages))('%s is parsed to what was formatted', (_verb, arbitrary) => {
  fc.assert(
    fc.property(arbitrary, (message) => {
      expect(parseMessage(formatMessage(message))).toEqual(message)
    }),
  )
})

test('any line is read without an error, and one that is not understood is kept as it came', () => {
  const verbs = fc.constantFrom(...Object.keys(messages), 'toString', '__proto__', 'UNKNOWN', '', 'transfer')
  const lines = fc.oneof(
    anyText(),
    fc.tuple(verbs, fc.constantFrom('', ' ', '  '), text).map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(lines, (line) => {
      const message = parseMessage(line)
      if (message.verb === 'UNKNOWN') expect(message.line).toBe(line)
      else expect(formatMessage(parseMessage(formatMessage(message)))).toBe(formatMessage(message))
    }),
    { numRuns: 1000 },
  )
})

describe('the line', () => {
  test.each<[string, Incoming]>([
    ['TRANSFER STORE K--n a file  name ', { verb: 'TRANSFER', direction: 'STORE', key: 'K--n', file: 'a file  name ' }],
    ['TRANSFER RETRIEVE K--n /a', { verb: 'TRANSFER', direction: 'RETRIEVE', key: 'K--n', file: '/a' }],
    ['CHECKPRESENT K--a b', { verb: 'CHECKPRESENT', key: 'K--a b' }],
    ['VALUE ', { verb: 'VALUE', value: '' }],
    ['VALUE', { verb: 'VALUE', value: '' }],
    ['VALUE  a  ', { verb: 'VALUE', value: ' a  ' }],
    ['CREDS u p w', { verb: 'CREDS', user: 'u', password: 'p w' }],
    ['CREDS  ', { verb: 'CREDS', user: '', password: '' }],
    ['EXTENSIONS ', { verb: 'EXTENSIONS', extensions: [] }],
    ['EXTENSIONS', { verb: 'EXTENSIONS', extensions: [] }],
    ['EXTENSIONS A  B ', { verb: 'EXTENSIONS', extensions: ['A', 'B'] }],
    ['ERROR it broke', { verb: 'ERROR', message: 'it broke' }],
  ])('%j is understood', (line, message) => {
    expect(parseMessage(line)).toEqual(message)
  })

  test.each([
    'TRANSFER STORE K--n',
    'TRANSFER STORE K--n ',
    'TRANSFER STORE  /a',
    'TRANSFER',
    'TRANSFER COPY K--n /a',
    'TRANSFEREXPORT STORE K--n /a',
    'CHECKPRESENT',
    'CHECKPRESENT ',
    'REMOVE',
    'WHEREIS ',
    'CREDS onlyuser',
    'PREPARE now',
    'PREPARE ',
    'prepare',
    ' PREPARE',
    'J 1 PREPARE',
    'constructor',
    '',
  ])('%j is not', (line) => {
    expect(parseMessage(line)).toEqual({ verb: 'UNKNOWN', line })
  })
})

test('no message is ever two lines', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', ' ', '\n') }), (message) => {
      expect(formatMessage({ verb: 'DEBUG', message })).not.toContain('\n')
      expect(formatMessage({ verb: 'CHECKPRESENT-UNKNOWN', key: 'K--n', message })).not.toContain('\n')
    }),
  )
})

test('a reply repeats the key as it came, odd characters and all', () => {
  fc.assert(
    fc.property(word, (key) => {
      const request = parseMessage(`CHECKPRESENT ${key}`)
      expect(request).toEqual({ verb: 'CHECKPRESENT', key })
      expect(formatMessage({ verb: 'CHECKPRESENT-SUCCESS', key })).toBe(`CHECKPRESENT-SUCCESS ${key}`)
    }),
  )
})

test('what git-annex shows to its user is safe for a terminal, and keys and settings are as they came', () => {
  const evil = 'a\u001b[31mb\u009bc\udcff'
  const shown = 'a\\u001b[31mb\\u009bc\\udcff'
  expect(formatMessage({ verb: 'INFO', message: evil })).toBe(`INFO ${shown}`)
  expect(formatMessage({ verb: 'PREPARE-FAILURE', message: evil })).toBe(`PREPARE-FAILURE ${shown}`)
  expect(formatMessage({ verb: 'WHEREIS-SUCCESS', place: evil })).toBe(`WHEREIS-SUCCESS ${shown}`)
  expect(formatMessage({ verb: 'INFOVALUE', value: evil })).toBe(`INFOVALUE ${shown}`)
  expect(formatMessage({ verb: 'REMOVE-FAILURE', key: evil, message: evil })).toBe(`REMOVE-FAILURE ${evil} ${shown}`)
  expect(formatMessage({ verb: 'SETCONFIG', name: 'url', value: evil })).toBe(`SETCONFIG url ${evil}`)
})
