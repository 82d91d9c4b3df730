import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canBePlaced, keyOfMember, memberFileName, memberNames } from '../../../src/ria/keys/member-names.ts'
import { placesOf } from '../../../src/ria/layout/places.ts'

const KEY = 'MD5E-s3--900150983cd24fb0d6963f7d28e17f72.txt'
const [PLACE = ''] = placesOf(KEY, '2')

test('a key is found under each of its names, with either separator, the name that is written today first', () => {
  const url = 'URL--http://a/b\\c'
  for (const key of [KEY, url, 'WORM-s1--a b']) {
    const names = [...memberNames(key)]
    expect(names[0]).toBe(placesOf(key, '2')[0])
    const places = [...placesOf(key, '2'), ...placesOf(key, '1')]
    expect(names).toEqual([...places, ...places.map((place) => place.replaceAll('/', '\\'))])
    for (const name of names) expect(keyOfMember(name), name).toMatchObject({ key, isFindable: true })
  }
})

describe('a member', () => {
  test.each([
    ['packed one directory too high', `objects/${PLACE}`],
    ['packed two directories too high', `annex/objects/${PLACE}`],
    ['packed one directory too low', PLACE.split('/').slice(1).join('/')],
    ['packed two directories too low', `${KEY}/${KEY}`],
    ['packed below the current directory', `./${PLACE}`],
    ['under the hash directories of another key', `aB/Cd/${KEY}/${KEY}`],
    ['packed too high on Windows', `objects\\${PLACE.replaceAll('/', '\\')}`],
    ['with both separators', PLACE.replace('/', '\\')],
  ])('%s is known to be a key, and not to be found', (_how, name) => {
    expect(keyOfMember(name)).toEqual({ key: KEY, fileName: KEY, isFindable: false })
  })

  test.each([KEY, `x/y/${KEY}`, 'x/y/z/z', `${PLACE}.map`, 'README', '', '/', '\\', 'a/a', '../..'])(
    'named %j is no key',
    (name) => {
      expect(keyOfMember(name)).toBeUndefined()
    },
  )

  test('of any name can be asked for its key', () => {
    const name = fc.string({ unit: fc.constantFrom('/', '\\', 'a', 'MD5-s1--', '.', '%', '&') })
    fc.assert(
      fc.property(name, (text) => {
        const found = keyOfMember(text)
        expect(found === undefined || text.endsWith(found.fileName)).toBe(true)
        expect(memberFileName(text).includes('/')).toBe(false)
      }),
    )
  })
})

test('what is misplaced is put where it belongs only when its content can tell that it is the key', () => {
  for (const [name, expected] of [
    [PLACE, true],
    [`objects/${PLACE}`, true],
    [placesOf('WORM-s1--a', '2')[0] ?? '', true],
    ['objects/x/y/WORM-s1--a/WORM-s1--a', false],
  ] as const) {
    const found = keyOfMember(name)
    expect(found && canBePlaced(found), name).toBe(expected)
  }
})
