import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SeenGood } from '../../../src/admin/check/seen-good.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { DIRECTORY, KEY, memoryStore } from '../../support/stores/memory-dataset.ts'

let memory: string
beforeAll(async () => {
  memory = await mkdtemp(join(tmpdir(), 'riastore-seen-good-'))
})
afterAll(() => rm(memory, { recursive: true }))

test('what was found good, or damaged, is known to the next run, and what was forgotten is not', async () => {
  const dataset = new StoredDataset(await memoryStore(), DIRECTORY)
  const first = await SeenGood.load(memory, dataset)
  first.add(KEY, 1_700_000_000_999)
  first.addDamaged('damaged')
  first.add('forgotten', 1)
  first.forget('forgotten')
  first.add('broken', 1_600_000_000_000)
  first.addDamaged('broken')
  await first.save()
  const second = await SeenGood.load(memory, dataset)
  expect([KEY, 'damaged', 'forgotten', 'broken'].map((key) => second.timeOf(key))).toEqual([
    1_700_000_000_000,
    undefined,
    undefined,
    undefined,
  ])
  expect([KEY, 'damaged', 'forgotten', 'broken'].map((key) => second.isDamaged(key))).toEqual([
    false,
    true,
    false,
    true,
  ])
})

test('files that an earlier version wrote are read, and lines that are cut off are not', async () => {
  const dataset = new StoredDataset(await memoryStore(), DIRECTORY)
  const seen = await SeenGood.load(memory, dataset)
  seen.add(KEY, 1_700_000_000_000)
  await seen.save()
  const [name = ''] = await readdir(memory)
  // The first 16 letters of the MD5 in base64, a space, and seconds.
  expect(await readFile(join(memory, name), 'latin1')).toMatch(/^[A-Za-z0-9+/]{16} 1700000000$/m)
  await writeFile(join(memory, name), `${'A'.repeat(16)} 17`)
  expect((await SeenGood.load(memory, dataset)).timeOf(KEY)).toBeUndefined()
})
