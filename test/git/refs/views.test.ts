import { expect, test } from 'vitest'
import { readText } from '../../../src/git/refs/views.ts'
import { openMemoryStore } from '../../../src/store/memory.ts'
import { write } from '../../support/stores/stores.ts'

test('a file of git that is too long to be read is corrupt, and the error says which it is', async () => {
  const store = openMemoryStore()
  await write(store, 'abc/def/packed-refs', Buffer.alloc(32 * 1024 * 1024 + 1))
  await expect(readText(store, 'abc/def/packed-refs')).rejects.toMatchObject({
    kind: 'corrupt',
    where: `${store.traits.root}/abc/def/packed-refs`,
  })
})
