import { expect, test } from 'vitest'
import { openMemoryStore } from '../../src/store/memory.ts'
import { findSmall, readSmall } from '../../src/store/read-small.ts'
import { write } from '../support/stores/stores.ts'

test('a small file is read whole up to the limit, and a range of one that is longer', async () => {
  const store = openMemoryStore()
  await write(store, 'a/file', 'content')
  expect((await readSmall(store, 'a/file', 7)).toString()).toBe('content')
  expect((await readSmall(store, 'a/file', 3, { range: { start: 1, end: 4 } })).toString()).toBe('ont')
})

test('a small file that is longer than any of ours is corrupt, and the error names it', async () => {
  const store = openMemoryStore()
  await write(store, 'a/file', 'content')
  const error = { kind: 'corrupt', op: 'get', where: `${store.traits.root}/a/file`, reason: 'more than 6 bytes' }
  await expect(readSmall(store, 'a/file', 6)).rejects.toMatchObject(error)
  await expect(findSmall(store, 'a/file', 6)).rejects.toMatchObject(error)
})

test('a small file that is not there is missing to one who needs it, and undefined to one who looks', async () => {
  const store = openMemoryStore()
  await expect(readSmall(store, 'a/file', 6)).rejects.toMatchObject({ kind: 'missing' })
  expect(await findSmall(store, 'a/file', 6)).toBeUndefined()
})
