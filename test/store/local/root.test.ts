import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openLocalStore } from '../../../src/store/local/local.ts'
import { listed } from '../../support/stores/stores.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'riastore-root-'))
  await writeFile(join(directory, 'file'), 'content')
})
afterAll(() => rm(directory, { recursive: true, force: true }))

test('a store whose root is that of the disk finds and lists what is in it', async () => {
  const store = openLocalStore({ root: '/' })
  const path = directory.slice(1)
  expect(await store.stat(`${path}/file`)).toMatchObject({ size: 7 })
  expect((await listed(store.list(path))).map((entry) => entry.path)).toEqual([`${path}/file`])
  expect((await listed(store.children(path))).map((child) => child.path)).toEqual([`${path}/file`])
  expect((await listed(store.children(''))).map((child) => child.path)).toContain(path.split('/')[0])
  await store.close()
})
