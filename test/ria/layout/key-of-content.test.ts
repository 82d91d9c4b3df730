import { expect, test } from 'vitest'
import { keyOfContent } from '../../../src/ria/layout/key-of-content.ts'

const KEY = 'MD5E-s5--5d41402abc4b2a76b9719d911017c592.dat'

// Each was shown to `git annex lookupkey` and `find --branch` of 10.20230126.
test.each([
  ['link', `../.git/annex/objects/aa/bb/${KEY}/${KEY}`],
  ['link', `../.git/modules/sub/annex/objects/aa/bb/${KEY}/${KEY}`],
  ['link', `.config/vcsh/repo.d/foo.git/annex/objects/aa/bb/${KEY}/${KEY}`],
  ['link', `../x/annex/objects/${KEY}`],
  ['file', `/annex/objects/${KEY}\n`],
  ['file', `/annex/objects/${KEY}`],
  ['file', `/annex/objects/${KEY}\r\n`],
  ['file', `../.git/annex/objects/aa/bb/${KEY}/${KEY}\n`],
] as const)('a %s is annexed as git-annex sees it: %s', (kind, text) => {
  expect(keyOfContent(kind, text)).toBe(KEY)
})

test.each([
  ['link', `annex/objects/${KEY}`],
  ['link', '../.git/annex/objects/aa/bb/'],
  ['link', `../other/${KEY}`],
  ['file', `a line\n/annex/objects/${KEY}\n`],
  ['file', '/annex/objects/no key\n'],
  ['file', ''],
] as const)('a %s is not annexed: %s', (kind, text) => {
  expect(keyOfContent(kind, text)).toBeUndefined()
})
