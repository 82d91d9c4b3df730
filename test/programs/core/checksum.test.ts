import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checksumOf } from '../../../src/core/checksum.ts'
import { parseKey } from '../../../src/core/key.ts'
import { makeRealGitAnnex, type RealGitAnnex } from '../../support/programs/real-git-annex.ts'

const HASHES = [
  'MD5',
  'SHA1',
  ...['SHA224', 'SHA256', 'SHA384', 'SHA512'],
  ...['SHA3_224', 'SHA3_256', 'SHA3_384', 'SHA3_512'],
  ...['BLAKE2B160', 'BLAKE2B224', 'BLAKE2B256', 'BLAKE2B384', 'BLAKE2B512', 'BLAKE2BP512'],
  ...['BLAKE2S160', 'BLAKE2S224', 'BLAKE2S256', 'BLAKE2SP224', 'BLAKE2SP256'],
  ...['SKEIN256', 'SKEIN512'],
]

const contents: Readonly<Record<string, Buffer>> = {
  plain: Buffer.from('some content\n'),
  'scan.nii.gz': Buffer.from('the content of a scan'),
  'a.name.with.many.dots.tar.xz': Buffer.alloc(200_000, 'riastore'),
  '.hidden': Buffer.from([0, 255, 10]),
  'UPPER.TXT': Buffer.alloc(129, 7),
  'empty.dat': Buffer.alloc(0),
}

let annex: RealGitAnnex
beforeAll(async () => {
  annex = await makeRealGitAnnex()
  for (const [name, content] of Object.entries(contents)) await writeFile(join(annex.directory, name), content)
})
afterAll(() => annex?.remove())

async function hexOf(key: string, ...chunks: Uint8Array[]): Promise<string | undefined> {
  const hasher = await checksumOf(parseKey(key))?.start()
  for (const chunk of chunks) hasher?.update(chunk)
  return hasher?.hex()
}

describe.each(HASHES)('the checksum in a key of backend %s', (backend) => {
  test.each([backend, `${backend}E`])('is what git-annex computed as %s', async (variant) => {
    const names = Object.keys(contents)
    const keys = await annex.batch(
      ['calckey', `--backend=${variant}`],
      names.map((name) => Buffer.from(name)),
    )
    expect(keys).toHaveLength(names.length)
    for (const [i, content] of Object.values(contents).entries()) {
      const key = keys[i] ?? ''
      expect(parseKey(key)).toMatchObject({ backend: variant, size: content.length })
      expect(await hexOf(key, content.subarray(0, 100), content.subarray(100)), key).toBe(
        checksumOf(parseKey(key))?.expected,
      )
    }
  })

  test('is another when a bit of the content is', async () => {
    const content = Buffer.alloc(1000)
    const changed = Buffer.from(content)
    changed.writeUInt8(1, 999)
    expect(await hexOf(`${backend}--00`, changed)).not.toBe(await hexOf(`${backend}--00`, content))
  })
})

test('the extension of a key is no part of its checksum, also when it has several', () => {
  expect(checksumOf(parseKey('MD5E-s1--0cc175b9c0f1b6a831c399e269772661.tar.gz'))?.expected).toBe(
    '0cc175b9c0f1b6a831c399e269772661',
  )
})

test('hex digits in upper case mean the same', () => {
  expect(checksumOf(parseKey('MD5--0CC175B9C0F1B6A831C399E269772661'))?.expected).toBe(
    '0cc175b9c0f1b6a831c399e269772661',
  )
})

test('a bundle of git-remote-annex is checked by the SHA-256 at the end of its name', async () => {
  const key =
    'GITBUNDLE-s1--b0a2ccb4-1f0e-4d3e-8b5c-0d2a4b1f8a11-ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb'
  expect(await hexOf(key, Buffer.from('a'))).toBe(checksumOf(parseKey(key))?.expected)
})

test.each([
  'WORM-s3-m1--0cc175b9c0f1b6a831c399e269772661',
  'URL--http&c%%example.com',
  'GPGHMACSHA1--06f1d8a1e2d5ddfb5ab3ae8fe5ba8d9ff7e3ee2c',
  'GITMANIFEST--b0a2ccb4-1f0e-4d3e-8b5c-0d2a4b1f8a11',
  'XMINE--abc',
  'MD5-s20-S10-C1--0cc175b9c0f1b6a831c399e269772661',
  'MD5--no hex',
  'MD5--',
  'MD5E--.txt',
  'constructor--abc',
  'E--abc',
  '',
])('the key %j has no checksum that we could compute', (key) => {
  expect(checksumOf(parseKey(key))).toBeUndefined()
})
