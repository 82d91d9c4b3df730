import { expect, test } from 'vitest'
import { trashGoneKeys } from '../../../src/admin/copy/trash-gone.ts'
import { placesOf } from '../../../src/ria/layout/places.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { openMemoryStore } from '../../../src/store/memory.ts'
import type { Entry } from '../../../src/store/store.ts'
import { DIRECTORY } from '../../support/stores/memory-dataset.ts'
import { withMethods, write } from '../../support/stores/stores.ts'

test('keys that the original has no more go while the copy is listed, and never many are held', async () => {
  const [original, copy] = [openMemoryStore(), openMemoryStore()]
  for (const store of [original, copy]) {
    await write(store, 'ria-layout-version', '1\n')
    await write(store, `${DIRECTORY}/ria-layout-version`, '2\n')
  }
  const place = (key: string) => `${DIRECTORY}/annex/objects/${placesOf(key, '2')[0]}`
  for (let i = 0; i < 700; i++) {
    await write(copy, place(`MD5-s1--${i}`), 'x')
    if (i % 7 === 0) await write(original, place(`MD5-s1--${i}`), 'x')
  }
  let listed = 0
  const counting = withMethods(copy, {
    list: async function* (...all) {
      for await (const entry of copy.list(...all)) {
        listed += 1
        yield entry
      }
    },
  })
  const calls: { readonly keys: number; readonly listed: number }[] = []
  const gone = await trashGoneKeys(new StoredDataset(original, DIRECTORY), new StoredDataset(counting, DIRECTORY), {
    version: '2',
    putAside: async (_copy, entries: readonly Entry[], mayGo) => {
      for (const entry of entries) expect(await mayGo(entry)).toBe(true)
      calls.push({ keys: entries.length, listed })
      for (const { path } of entries) await copy.remove(path)
      return entries
    },
  })
  expect(gone).toEqual({ keys: 600, bytes: 600 })
  expect(calls.map(({ keys }) => keys)).toEqual([200, 200, 200])
  expect(calls[0]?.listed).toBeLessThan(300)
})
