import { expect, test } from 'vitest'
import { parseStoreUrl } from '../../../src/ria/url.ts'
import { openStore } from '../../../src/store/open.ts'

test.each([
  ['ria+ssh://me@host:22/data', 'ssh://me@host:22/data'],
  ['ria+sftp://host/', 'sftp://host'],
  ['ria+sftp://me@[::1]:22/data', 'sftp://me@[::1]:22/data'],
])('a store of the URL %s is told as that: %s', async (url, root) => {
  const store = await openStore(parseStoreUrl(url), { stallMs: 1000, ssh: 'auto' })
  expect(store.traits.root).toBe(root)
  await store.close()
})
