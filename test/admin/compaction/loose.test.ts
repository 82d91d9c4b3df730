import { expect, test } from 'vitest'
import { listLoose } from '../../../src/admin/compaction/loose.ts'
import { STATE } from '../../../src/admin/compaction/loose-table.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { withFaults } from '../../../src/store/wrappers/faulty.ts'
import { CONTENT, DIRECTORY, memoryStore, PLACE, put } from '../../support/stores/memory-dataset.ts'

const options = { version: '2', filter: {}, dropped: new Set<string>(), now: 0 }
const OBJECTS = `${DIRECTORY}/annex/objects`

async function looked(...places: readonly string[]) {
  const memory = await memoryStore()
  for (const place of places) await put(memory, place, CONTENT)
  const store = withFaults(memory, [])
  const loose = await listLoose(new StoredDataset(store, DIRECTORY), options)
  return { loose, calls: store.calls }
}

test('a dataset without loose keys is looked through with one listing', async () => {
  const { loose, calls } = await looked()
  expect(loose.usage).toEqual({ count: 0, bytes: 0, inodes: 0 })
  expect(calls).toEqual([{ op: 'list', path: OBJECTS }])
})

test('only first-level directories that are there are walked', async () => {
  const { loose, calls } = await looked(PLACE)
  expect(loose.keys.in(STATE.wanted).count).toBe(1)
  expect(loose.usage).toEqual({ count: 1, bytes: CONTENT.length, inodes: 4 })
  expect(calls.map(({ path }) => path)).toEqual([OBJECTS, `${OBJECTS}/W8`])
})

test('a file that lies where no key does is counted, and left', async () => {
  const { loose } = await looked(`${OBJECTS}/stray`, `${OBJECTS}/f5d/00c/stray`)
  expect(loose.left).toEqual({ misplaced: 2 })
  expect(loose.usage.count).toBe(2)
})
