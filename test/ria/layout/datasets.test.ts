import { expect, test } from 'vitest'
import { allDatasets, eachDataset } from '../../../src/ria/layout/datasets.ts'
import { openMemoryStore } from '../../../src/store/memory.ts'
import { withFaults } from '../../../src/store/wrappers/faulty.ts'
import { write } from '../../support/stores/stores.ts'

const LAYOUT = 'ria-layout-version'

async function storeWith(...paths: readonly string[]) {
  const store = openMemoryStore()
  for (const path of [LAYOUT, ...paths]) await write(store, path, '1\n')
  return store
}

test('all datasets of a store are told, by id', async () => {
  const datasets = ['b00/two', 'a00/second', 'b00/one', 'a00/first']
  const store = await storeWith(...datasets.map((directory) => `${directory}/${LAYOUT}`))
  const found = await allDatasets(store)
  expect(found.map(({ name }) => name)).toEqual(['a00first', 'a00second', 'b00one', 'b00two'])
  expect(found.map(({ directory }) => directory)).toEqual(['a00/first', 'a00/second', 'b00/one', 'b00/two'])
})

test('what has no layout file, and what lies elsewhere, is no dataset', async () => {
  const store = await storeWith(`a00/half/config`, `alias/name/${LAYOUT}`, `error_logs/x/${LAYOUT}`, `a00/${LAYOUT}`)
  expect(await allDatasets(store)).toEqual([])
})

test('nothing in a dataset is listed, and never the whole store', async () => {
  const objects = `a00/one/annex/objects/aa/bb/key/key`
  const store = withFaults(await storeWith(`a00/one/${LAYOUT}`, objects, `b00/two/${LAYOUT}`), [])
  await allDatasets(store)
  const listed = store.calls.filter(({ op }) => op === 'list').map(({ path }) => path)
  expect(listed).toEqual(['', 'a00', 'b00'])
  expect(store.calls.filter(({ op }) => op === 'stat').map(({ path }) => path)).toEqual([
    LAYOUT,
    `a00/one/${LAYOUT}`,
    `b00/two/${LAYOUT}`,
  ])
})

test('a reader that stops has not caused the rest to be listed', async () => {
  const many = Array.from({ length: 300 }, (_, i) => `${String(i).padStart(3, '0')}/x/${LAYOUT}`)
  const store = withFaults(await storeWith(...many), [])
  for await (const { name } of eachDataset(store)) if (name === '002x') break
  expect(store.calls.filter(({ op }) => op === 'list').length).toBeLessThan(20)
})

test('where no store is there are no datasets to be told, but an error', async () => {
  await expect(allDatasets(openMemoryStore())).rejects.toMatchObject({ kind: 'missing' })
})
