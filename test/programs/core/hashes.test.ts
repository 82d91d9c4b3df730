import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Hasher } from '../../../src/core/hasher.ts'
import { blake2bp, blake2sp } from '../../../src/core/hashes/blake2-tree.ts'
import { skein256, skein512 } from '../../../src/core/hashes/skein.ts'
import { makeRealGitAnnex, type RealGitAnnex } from '../../support/programs/real-git-annex.ts'

const VARIANTS: readonly [backend: string, start: () => Hasher][] = [
  ['BLAKE2BP512', () => blake2bp(64)],
  ['BLAKE2SP224', () => blake2sp(28)],
  ['BLAKE2SP256', () => blake2sp(32)],
  ['SKEIN256', skein256],
  ['SKEIN512', skein512],
]

/**
 * Around a block, around a turn of all leaves of BLAKE2's trees (512 bytes for both), around two
 * turns, and some that are far from any.
 */
const LENGTHS = [
  0, 1, 7, 8, 9, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 383, 384, 385, 447, 448, 449, 511, 512, 513,
].concat([575, 576, 577, 639, 640, 641, 1023, 1024, 1025, 1087, 1088, 4095, 4096, 4097, 100_001, 1 << 20])

const content = (length: number) => Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 255))

let annex: RealGitAnnex
beforeAll(async () => {
  annex = await makeRealGitAnnex()
  for (const length of LENGTHS) await writeFile(join(annex.directory, `${length}`), content(length))
})
afterAll(() => annex?.remove())

test.each(VARIANTS)('%s of contents of many lengths is what git-annex computes', async (backend, start) => {
  const keys = await annex.batch(
    ['calckey', `--backend=${backend}`],
    LENGTHS.map((length) => Buffer.from(`${length}`)),
  )
  const computed = LENGTHS.map((length) => {
    const hasher = start()
    hasher.update(content(length))
    return `${backend}-s${length}--${hasher.hex()}`
  })
  expect(computed).toEqual(keys)
})

test.each(VARIANTS)('%s does not depend on how the content is cut into chunks', (_backend, start) => {
  const whole = content(3000)
  const hasher = start()
  hasher.update(whole)
  const expected = hasher.hex()
  fc.assert(
    fc.property(fc.array(fc.nat(whole.length), { maxLength: 12 }), (cuts) => {
      const pieces = start()
      let from = 0
      for (const to of [...cuts.sort((a, b) => a - b), whole.length]) {
        pieces.update(whole.subarray(from, to))
        from = to
      }
      return pieces.hex() === expected
    }),
    { numRuns: 30 },
  )
})
