import { describe, expect, test } from 'vitest'
import { objectOfKey } from '../../../src/ria/keys/whole-object.ts'
import { archivePath, keyPaths } from '../../../src/ria/layout/paths.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { CONTENT, DIRECTORY, KEY, memoryStore, PLACE, put, withTraits } from '../../support/stores/memory-dataset.ts'
import { withMethods } from '../../support/stores/stores.ts'

describe('the object that a link leads to', () => {
  test('is the whole one of two copies, of which the other is damaged', async () => {
    const key = 'WORM-s22-m1--a:b'
    const [first = '', second = ''] = keyPaths(DIRECTORY, '2', key)
    for (const [whole, damaged] of [[first, second] as const, [second, first] as const]) {
      const store = await memoryStore()
      await put(store, whole, CONTENT)
      await put(store, damaged, 'x')
      expect(await objectOfKey(new StoredDataset(store, DIRECTORY), key)).toBe(whole)
    }
  })

  test('is not one that is damaged', async () => {
    const store = await memoryStore()
    await put(store, PLACE, 'x')
    await expect(objectOfKey(new StoredDataset(store, DIRECTORY), KEY)).rejects.toMatchObject({ kind: 'corrupt' })
  })

  test('is found while the archive is unpacked', async () => {
    const memory = await memoryStore()
    const archive = archivePath(DIRECTORY)
    await put(memory, archive, '7z')
    const store = withMethods(memory, {
      statAll: async (paths, options) => {
        if (paths.includes(archive)) {
          await put(memory, PLACE, CONTENT)
          await memory.remove(archive)
        }
        return memory.statAll(paths, options)
      },
    })
    expect(await objectOfKey(new StoredDataset(withTraits(store, { looksTogether: false }), DIRECTORY), KEY)).toBe(
      PLACE,
    )
  })

  test('is not there when the key is not in the store, and unknown when the dataset is not', async () => {
    const store = await memoryStore()
    const missing = { kind: 'missing', message: expect.stringContaining(`key ${KEY} is not in the store`) }
    await expect(objectOfKey(new StoredDataset(store, DIRECTORY), KEY)).rejects.toMatchObject(missing)
    const layout = `${DIRECTORY}/ria-layout-version`
    const gone = withMethods(store, {
      statAll: async (paths, options) => {
        await store.remove(layout)
        return store.statAll(paths, options)
      },
    })
    const unknown = { kind: 'missing', message: expect.stringContaining('is the store mounted?') }
    await expect(objectOfKey(new StoredDataset(gone, DIRECTORY), KEY)).rejects.toMatchObject(unknown)
  })
})
