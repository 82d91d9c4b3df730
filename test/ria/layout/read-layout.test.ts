import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { readLayout } from '../../../src/ria/layout/read-layout.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { openMemoryStore } from '../../../src/store/memory.ts'
import { withMethods, write } from '../../support/stores/stores.ts'

test('a store that is gone is told of, and not the dataset that is gone with it, whichever is found first', async () => {
  const memory = openMemoryStore()
  const slow = withMethods(memory, {
    get: async (path, ...rest) => {
      for (let i = 0; path === 'ria-layout-version' && i < 20; i++) await turn()
      return memory.get(path, ...rest)
    },
  })
  const dataset = new StoredDataset(slow, 'abc/def')
  await expect(readLayout(dataset, {})).rejects.toThrow('the RIA store is not there')
  await write(memory, 'ria-layout-version', '1\n')
  await expect(readLayout(dataset, {})).rejects.toThrow('the dataset is not in the RIA store')
})
