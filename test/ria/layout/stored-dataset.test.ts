import { expect, it } from 'vitest'
import { withArchive } from '../../../src/ria/keys/with-archive.ts'
import { archivePath } from '../../../src/ria/layout/paths.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { DIRECTORY, memoryStore, put, withTraits } from '../../support/stores/memory-dataset.ts'

it('names a dataset by its directory where a user gave no name', async () => {
  const store = await memoryStore()
  expect(new StoredDataset(store, DIRECTORY).name).toBe(DIRECTORY)
  expect(new StoredDataset(store, DIRECTORY, '~raw').name).toBe('~raw')
})

it('makes an error that tells what it happened to', async () => {
  const dataset = new StoredDataset(await memoryStore(), DIRECTORY)
  const { root } = dataset.store.traits
  expect(dataset.error('conflict', 'lock', 'somebody has it')).toMatchObject({
    kind: 'conflict',
    sent: 'maybe',
    message: `lock ${root}/${DIRECTORY}: somebody has it`,
  })
  const path = archivePath(DIRECTORY)
  expect(dataset.error('corrupt', 'get', 'it is damaged', { path, sent: 'no' })).toMatchObject({
    kind: 'corrupt',
    sent: 'no',
    message: `get ${root}/${path}: it is damaged`,
  })
})

it('reads a small file of a dataset, and none that is longer than said', async () => {
  const store = await memoryStore({ dataset: '2\n' })
  const dataset = new StoredDataset(store, DIRECTORY)
  expect((await dataset.readSmall('ria-layout-version', 2)).toString()).toBe('2\n')
  await expect(dataset.readSmall('ria-layout-version', 1)).rejects.toMatchObject({
    kind: 'corrupt',
    where: dataset.where(`${DIRECTORY}/ria-layout-version`),
  })
  expect(await dataset.findSmall('none', 1)).toBeUndefined()
  await expect(dataset.readSmall('none', 1)).rejects.toMatchObject({ kind: 'missing' })
})

it('is the same dataset in what is made of its store', async () => {
  const dataset = new StoredDataset(await memoryStore(), DIRECTORY, '~raw')
  const readOnly = dataset.through((store) => withTraits(store, { writable: false }))
  expect(readOnly).toMatchObject({ directory: DIRECTORY, name: '~raw' })
  expect([dataset.store.traits.writable, readOnly.store.traits.writable]).toEqual([true, false])
})

it('opens no archive where there is none, and one that is there as what it is', async () => {
  const dataset = new StoredDataset(await memoryStore(), DIRECTORY)
  expect(await withArchive(dataset, {}, async () => 'done')).toBeUndefined()
  await put(dataset.store, archivePath(DIRECTORY), 'this is no archive, though its name says so')
  await expect(withArchive(dataset, {}, async () => 'done')).rejects.toMatchObject({ kind: 'corrupt' })
})
