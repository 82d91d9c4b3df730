import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dirHash } from '../../../src/core/dirhash.ts'
import { decode } from '../../../src/core/text.ts'
import { makeRealGitAnnex, type RealGitAnnex } from '../../support/programs/real-git-annex.ts'

let annex: RealGitAnnex
beforeAll(async () => {
  annex = await makeRealGitAnnex()
})
afterAll(() => annex?.remove())

test('both hash directories of a key are those that git-annex computes', async () => {
  const anyByteButSpace = fc.integer({ min: 0x21, max: 0xff })
  const keys = [
    'SHA256E-s10--abc.d/e&f%:g',
    'URL--http://example.com/a&b/c%20d:80?x=1&y=%25',
    'MD5E-s20-S10-C2--900150983cd24fb0d6963f7d28e17f72.txt',
    'MD5E-s20--900150983cd24fb0d6963f7d28e17f72.txt',
    'WORM-s20-m5-S10-C1--a-S10-C1--b',
    'URL-S10-C1--http&c%%example.com%-S10-C1--',
    'GPGHMACSHA1--06f1d8a1e2d5ddfb5ab3ae8fe5ba8d9ff7e3ee2c',
    'WORM-s3-m1--Ünïcödé–例',
    'WORM-s3-m1--a\\n"\'$(x)`',
  ].map((key) => Buffer.from(key))
  for (const bytes of fc.sample(fc.array(anyByteButSpace, { minLength: 1, maxLength: 24 }), { numRuns: 60, seed: 7 })) {
    keys.push(Buffer.concat([Buffer.from('WORM-s1--'), Buffer.from(bytes)]))
  }
  const printed = await annex.batch(['examinekey', '--format=$' + '{hashdirmixed} $' + '{hashdirlower}\\n'], keys)
  const computed = keys.map((key) => {
    const { mixed, lower } = dirHash(decode(key))
    return `${mixed}/ ${lower}/`
  })
  expect(computed).toEqual(printed)
  expect(printed).toHaveLength(keys.length)
})

test('the chunks of a key lie where the key would', () => {
  expect(dirHash('MD5-s20-S10-C2--abc')).toEqual(dirHash('MD5-s20--abc'))
  expect(dirHash('MD5-s20--abc')).not.toEqual(dirHash('MD5-s20--abd'))
})
