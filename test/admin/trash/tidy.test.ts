import { mkdir, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { listEntries } from '../../../src/admin/trash/entry.ts'
import { tidyDataset } from '../../../src/admin/trash/tidy.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import type { Store } from '../../../src/store/store.ts'
import { DIRECTORY, ID } from '../../support/stores/memory-dataset.ts'
import { temporaryDirectory, withMethods, write } from '../../support/stores/stores.ts'

const HOUR = 3600
const WAITING = `${DIRECTORY}/ora-remote-11111111-2222-3333-4444-555555555555/transfer`
const [OLD, YOUNG] = ['riastore-4711-0123456789ab-1.tmp', 'riastore-4711-0123456789ab-2.tmp']

let root: string
let store: Store

beforeEach(async () => {
  root = (await temporaryDirectory()).path
  store = openLocalStore({ root })
  await write(store, `${DIRECTORY}/ria-layout-version`, '2\n')
  await mkdir(join(root, WAITING), { recursive: true })
  for (const [name, hours] of [
    [OLD, 25],
    [YOUNG, 1],
    ['somebody-elses', 49],
  ] as const) {
    await writeFile(join(root, WAITING, name), 'part')
    await utimes(join(root, WAITING, name), Date.now() / 1000 - hours * HOUR, Date.now() / 1000 - hours * HOUR)
  }
})
afterEach(async () => {
  await store.close()
  await rm(root, { recursive: true, force: true })
})

const left = async () => (await readdir(join(root, WAITING))).sort()

test('uploads are removed on which nothing was written for a day, and nothing else', async () => {
  const dataset = new StoredDataset(store, DIRECTORY)
  expect(await tidyDataset(dataset, { dryRun: true })).toEqual({ uploads: 1, bytes: 4, lock: 'none' })
  expect(await left()).toEqual([OLD, YOUNG, 'somebody-elses'])
  expect(await tidyDataset(dataset, {})).toEqual({ uploads: 1, bytes: 4, lock: 'none' })
  expect(await left()).toEqual([YOUNG, 'somebody-elses'])
})

test('an upload that goes on after it was listed stays', async () => {
  const list: Store['list'] = async function* (directory, options) {
    for await (const entry of store.list(directory, options)) {
      yield entry
      if (entry.path.endsWith(OLD)) await writeFile(join(root, entry.path), 'more of it')
    }
  }
  await tidyDataset(new StoredDataset(withMethods(store, { list }), DIRECTORY), {})
  expect(await left()).toEqual([OLD, YOUNG, 'somebody-elses'])
})

test.each(['{', 'null', '{"directory":"../../etc"}', '{"directory":7}'])(
  'an entry of the trash that says %s is damaged, and named',
  async (text) => {
    await write(store, `trash/${ID}/20261128T000000-00000000/entry.json`, text)
    await expect(listEntries(store, {}, ID)).rejects.toMatchObject({
      kind: 'corrupt',
      where: expect.stringContaining(`trash/${ID}/20261128T000000-00000000/entry.json`),
    })
  },
)
