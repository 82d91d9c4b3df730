import { mkdirSync, readdirSync, renameSync, symlinkSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { renameDirectory } from '../../../src/admin/trash/rename-directory.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import type { Store } from '../../../src/store/store.ts'
import { paths, temporaryDirectory, write } from '../../support/stores/stores.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let store: Store
let root: string
beforeEach(async () => {
  directory = await temporaryDirectory()
  root = `${directory.path}/store`
  store = openLocalStore({ root })
  await write(store, 'abc/def/ours', 'x')
  await write(store, 'trash/entry/entry.json', '{}')
  mkdirSync(`${directory.path}/precious/def`, { recursive: true })
})
afterEach(async () => {
  await store.close()
  await directory.remove()
})

/** Puts a link to the precious directory in the place of one of the store. */
function exchange(name: string): void {
  renameSync(`${root}/${name}`, `${root}/aside`)
  symlinkSync(`${directory.path}/precious`, `${root}/${name}`)
}

test.each([
  ['abc', 'trash/entry/dataset/ours'],
  ['trash/entry', 'aside/dataset/ours'],
])(
  'when %s is exchanged for a link just before a dataset is renamed, nothing is done behind it',
  async (name, then) => {
    let isExchanged = false
    const mayChange = () => {
      if (!isExchanged) exchange(name)
      isExchanged = true
    }
    expect(await renameDirectory(store, 'abc/def', 'trash/entry/dataset', { mayChange })).toBe(true)
    expect(readdirSync(`${directory.path}/precious`)).toEqual(['def'])
    expect(await paths(store, '')).toContain(then)
  },
)

test('a dataset is renamed onto nothing that has something in it, and stays where it is', async () => {
  await write(store, 'trash/entry/dataset/theirs', 'x')
  expect(await renameDirectory(store, 'abc/def', 'trash/entry/dataset', {})).toBe(false)
  expect(await readdir(`${root}/abc/def`)).toEqual(['ours'])
})
