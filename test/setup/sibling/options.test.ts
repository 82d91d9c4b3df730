import { expect, test } from 'vitest'
import { checkOptions, type SiblingOptions } from '../../../src/setup/sibling/options.ts'

const check = (options: Partial<SiblingOptions>, hasAnnex = true) =>
  checkOptions({ name: 'ria', url: 'ria+file:///store', ...options }, hasAnnex)

test('the storage sibling gets a name of its own, the name of a sibling that is missing, or none', () => {
  expect(check({}).storageName).toBe('ria-storage')
  expect(check({ storageName: 'keys' }).storageName).toBe('keys')
  expect(check({ storageSibling: 'only', storageName: 'keys' }).storageName).toBe('ria')
  expect(check({ storageSibling: 'off' }).storageName).toBeUndefined()
  expect(check({}, false)).toMatchObject({ storageSibling: 'off', storageName: undefined })
})

test.each([
  [{ storageName: 'ria' }, /cannot both be named ria/],
  [{ name: '-x' }, /cannot be the name of a sibling/],
  [{ name: 'a b' }, /cannot be the name of a sibling/],
  [{ name: 'a..b' }, /cannot be the name of a sibling/],
  [{ name: '' }, /cannot be the name of a sibling/],
  [{ storageName: 'a\nb' }, /cannot be the name of a sibling/],
  [{ shared: 'sometimes' }, /--shared is "sometimes": it takes false, true/],
  [{ shared: '0460' }, /--shared/],
  [{ group: '-R' }, /no name of a group/],
  [{ group: 'a b' }, /no name of a group/],
  [{ alias: 'a/b' }, /is no alias/],
  [{ alias: '..' }, /is no alias/],
  [{ storageSibling: 'only', shared: 'group' }, /kept by the git repository/],
  [{ storageSibling: 'off', trustLevel: 'trust' }, /--trust-level is about the storage sibling/],
] as const)('%j is refused', (options, reason) => {
  expect(() => check(options)).toThrow(reason)
})

test('a storage sibling alone needs git-annex', () => {
  expect(() => check({ storageSibling: 'only' }, false)).toThrow(/needs a dataset with git-annex/)
})
