import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { DiskSpace, parseAnnexSize } from '../../../src/bulk/clone/disk-space.ts'
import { GitConfig } from '../../../src/core/git-config.ts'

test.each([
  ['0.5 gb', 5e8],
  ['500M', 5e8],
  ['100 KiloBytes', 1e5],
  ['1 megabyte', 1e6],
  ['2GiB', 2 ** 31],
  ['17', 17],
  ['0', 0],
  ['lots', undefined],
  ['', undefined],
])('the size %j is read as git-annex reads it', (text, bytes) => {
  expect(parseAnnexSize(text)).toBe(bytes)
})

test('a key that would go into the reserve gets no space', () => {
  const with1 = (reserve: string) => new DiskSpace(tmpdir(), new GitConfig([['annex.diskreserve', reserve]]))
  expect(with1('1 kb').take(1)).toBe(true)
  expect(with1('1000000 tb').take(1)).toBe(false)
})

test('what is on its way counts until it is there', () => {
  const space = new DiskSpace(tmpdir(), new GitConfig([['annex.diskreserve', '0']]))
  const huge = 2 ** 50
  expect(space.take(huge)).toBe(false)
  const some = 100 * 1024 * 1024
  expect(space.take(some)).toBe(true)
  space.done(some)
  expect(space.take(some)).toBe(true)
})
