import { expect, test } from 'vitest'
import { KeysThere } from '../../../src/admin/copy/keys-there.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { memoryStore, put } from '../../support/stores/memory-dataset.ts'
import { withMethods } from '../../support/stores/stores.ts'

test.each([
  ['few keys with one walk', 100, 1],
  ['many keys a directory at a time, and holds no more than those', 3, 3],
])('a copy tells of %s', async (_how, heldAtMost, walks) => {
  const store = await memoryStore()
  for (const top of ['aa', 'bb']) {
    for (const name of ['1', '2', '3']) await put(store, `abc/def/annex/objects/${top}/${name}/key/key`, name)
  }
  let listed = 0
  const counting = withMethods(store, {
    list: (...all) => {
      listed += 1
      return store.list(...all)
    },
  })
  const there = await KeysThere.open(new StoredDataset(counting, 'abc/def'), { heldAtMost })
  for (const top of ['aa', 'bb']) {
    for (const name of ['1', '2', '3', '4']) {
      const place = `${top}/${name}/key/key`
      const near = await there.near(place)
      expect(near.has(place)).toBe(name !== '4')
      if (walks > 1) expect(near.size).toBeLessThanOrEqual(3)
      expect(await there.hasAny([place, 'x/y/z/z'], {})).toBe(name !== '4')
    }
  }
  expect(listed).toBe(walks)
})
