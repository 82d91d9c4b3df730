import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ConfigError, StoreError } from '../../../../src/core/errors.ts'
import { encode } from '../../../../src/core/text.ts'
import {
  archivePath,
  datasetDirectory,
  keyPaths,
  parseLayoutVersion,
  transferDirectory,
} from '../../../../src/ria/layout/paths.ts'
import { anyText } from '../../../core/arbitrary.ts'
import { makeRealGitAnnex, type RealGitAnnex } from '../../../support/programs/real-git-annex.ts'

let annex: RealGitAnnex
beforeAll(async () => {
  annex = await makeRealGitAnnex()
})
afterAll(() => annex?.remove())

/** What git-annex says of keys in one of its formats. */
async function examine(keys: readonly string[], variable: string): Promise<string[]> {
  return annex.batch(['examinekey', `--format=\${${variable}}\\n`], keys.map(encode))
}

describe('the directory of a dataset', () => {
  test('is its id, split after the third character', () => {
    expect(datasetDirectory('6d69ca68-7e85-11e6-904c-002590f97d84')).toBe('6d6/9ca68-7e85-11e6-904c-002590f97d84')
    expect(datasetDirectory('abcd')).toBe('abc/d')
    expect(datasetDirectory('Ünïcode')).toBe('Ünï/code')
  })

  test.each([
    '',
    'abc',
    '..',
    '../',
    '../../etc',
    '../x',
    '/etc/passwd',
    'abc/d',
    'abc/../../d',
    '....',
    '.....',
    'abc.',
    'abc..',
    'ab\0cd',
    'abcd\nefgh',
    'abc\\..\\..\\d',
    '..\\x',
  ])('does not exist for %j, which could lead out of the store', (id) => {
    expect(() => datasetDirectory(id)).toThrow(ConfigError)
  })

  test('never leads out of the store, whatever the id', () => {
    const id = fc.oneof(anyText(), fc.string({ unit: fc.constantFrom('.', '/', 'a', '\\', '\0'), maxLength: 12 }))
    fc.assert(
      fc.property(id, (text) => {
        try {
          const parts = datasetDirectory(text).split('/')
          expect(parts).toHaveLength(2)
          for (const part of parts) expect(['', '.', '..']).not.toContain(part)
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError)
        }
      }),
      { numRuns: 1000 },
    )
  })
})

describe('the places of a key', () => {
  const PLAIN = [
    'MD5E-s10--90015.tar.gz',
    'WORM-s3-m1--a,10b',
    'GPGHMACSHA1--06f1d8a1e2d5ddfb5ab3ae8f',
    'WORM-s1--\udcff',
  ]
  const ODD = ['URL--http://example.com/a&b/c%20d:80?x=1', 'WORM-s1-m2--a&b', 'URL-s20-S10-C2--http&c%%x.org']

  test.each([
    ['2', 'hashdirmixed'],
    ['1', 'hashdirlower'],
    ['3', 'hashdirmixed'],
  ])('in a layout of version %s lie under git-annex’s %s', async (version, variable) => {
    const directories = await examine(PLAIN, variable)
    for (const [i, key] of PLAIN.entries()) {
      expect(keyPaths('abc/d', version, key)).toEqual([`abc/d/annex/objects/${directories[i]}${key}/${key}`])
    }
  })

  test('that has to be escaped are two: where ORA hashes the escaped name, and where git-annex hashes the true one', async () => {
    const escaped = (key: string) =>
      key.replaceAll('&', '&a').replaceAll('%', '&s').replaceAll(':', '&c').replaceAll('/', '%')
    const [byTrueName, byEscapedName] = [
      await examine(ODD, 'hashdirmixed'),
      await examine(ODD.map(escaped), 'hashdirmixed'),
    ]
    for (const [i, key] of ODD.entries()) {
      const name = escaped(key)
      expect(keyPaths('abc/d', '2', key)).toEqual([
        `abc/d/annex/objects/${byEscapedName[i]}${name}/${name}`,
        `abc/d/annex/objects/${byTrueName[i]}${name}/${name}`,
      ])
    }
  })

  test('of all chunks of a key are in the directory of the whole', () => {
    const directory = (key: string) => keyPaths('d', '2', key)[0]?.split('/').slice(0, 5).join('/')
    expect(directory('SHA256-s30-S10-C2--abc')).toBe(directory('SHA256-s30--abc'))
  })

  test.each(['', '.', '..', 'a\0b'])('do not exist for %j, which is no key', (key) => {
    expect(() => keyPaths('abc/d', '2', key)).toThrow(ConfigError)
  })

  test('never lead out of the dataset, whatever the key', () => {
    const key = fc.oneof(anyText(), fc.string({ unit: fc.constantFrom('.', '/', 'a', '%', '&') }))
    fc.assert(
      fc.property(key, fc.constantFrom('1', '2', '3'), (text, version) => {
        try {
          const paths = keyPaths('abc/d', version, text)
          expect([1, 2]).toContain(paths.length)
          for (const path of paths) {
            expect(path.split('/')).toHaveLength(8)
            for (const part of path.split('/')) expect(['', '.', '..']).not.toContain(part)
          }
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError)
        }
      }),
      { numRuns: 500 },
    )
  })
})

test('archives and uploads lie where ORA has them', () => {
  expect(archivePath('abc/d')).toBe('abc/d/archives/archive.7z')
  expect(transferDirectory('abc/d', 'uuid')).toBe('abc/d/ora-remote-uuid/transfer')
})

describe('a layout file', () => {
  test.each([
    ['1\n', '1', ''],
    ['2', '2', ''],
    ['1|l\n', '1', 'l'],
    ['1|', '1', ''],
    [' 1|lx \r\n', '1', 'lx'],
    ['v2.1-beta', 'v2.1-beta', ''],
  ])('of %j has version %j and flags %j', (text, version, flags) => {
    expect(parseLayoutVersion(text, 'x')).toEqual({ version, flags })
  })

  test.each([
    '',
    '\n',
    '|l',
    '1|l|x',
    '<!DOCTYPE html>\n<title>Log in</title>',
    '1 2',
    `1${'0'.repeat(40)}`,
    '1|l!',
    '\0',
  ])('of %j is none: that is corrupt, not an unknown version', (text) => {
    try {
      parseLayoutVersion(text, 'the file')
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(StoreError)
      expect(error).toMatchObject({ kind: 'corrupt', where: 'the file' })
    }
  })
})
