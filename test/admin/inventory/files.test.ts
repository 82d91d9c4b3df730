import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { filesAt, openRevision } from '../../../src/admin/inventory/files.ts'
import { StoredKeys } from '../../../src/admin/inventory/stored-keys.ts'
import { ConfigError } from '../../../src/core/errors.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import type { Store } from '../../../src/store/store.ts'
import { annexLink, annexPointer, commitFiles } from '../../support/repos/memory-repository.ts'
import { CONTENT, DIRECTORY, KEY, memoryStore, PLACE, put } from '../../support/stores/memory-dataset.ts'
import { listed } from '../../support/stores/stores.ts'

const ABSENT = 'MD5E-s7--00000000000000000000000000000000.dat'

async function storeWithFiles() {
  const store = await memoryStore()
  await commitFiles(store, DIRECTORY, {
    'README.md': 'text',
    'sub/locked': annexLink(KEY),
    'sub/unlocked.dat': annexPointer(ABSENT),
    'sub/deep/link': { link: '../locked' },
    child: { commit: '1'.repeat(40) },
  })
  await put(store, PLACE, CONTENT)
  return store
}

async function files(store: Store, paths: readonly string[], recursive = false, at?: string) {
  const dataset = new StoredDataset(store, DIRECTORY, 'it')
  const keys = await StoredKeys.open(dataset, undefined)
  const revision = await openRevision(dataset, at)
  return listed(filesAt(dataset, revision, keys, { paths, recursive }))
}

async function content(store: Store, key: string, range?: { start: number; end?: number }) {
  const chunks: Buffer[] = []
  const keys = await StoredKeys.open(new StoredDataset(store, DIRECTORY), undefined)
  await keys.read(key, async (chunk) => void chunks.push(Buffer.from(chunk)), { range })
  return Buffer.concat(chunks).toString()
}

test('a directory is told with sizes, keys, and whether their content is in the store', async () => {
  const store = await storeWithFiles()
  const none = { key: undefined, size: undefined, present: undefined, problem: undefined }
  expect(await files(store, [])).toEqual([
    { ...none, path: 'README.md', kind: 'file', size: 4, present: true },
    { ...none, path: 'child', kind: 'subdataset' },
    { ...none, path: 'sub', kind: 'directory' },
  ])
  expect(await files(store, ['sub'])).toEqual([
    { ...none, path: 'sub/deep', kind: 'directory' },
    { ...none, path: 'sub/locked', kind: 'link', key: KEY, size: CONTENT.length, present: true },
    { ...none, path: 'sub/unlocked.dat', kind: 'file', key: ABSENT, size: 7, present: false },
  ])
})

test('all that is below a directory is told, and a file by its path', async () => {
  const store = await storeWithFiles()
  const found = await files(store, ['sub', 'README.md'], true)
  expect(found.map(({ path }) => path)).toEqual(['sub/deep/link', 'sub/locked', 'sub/unlocked.dat', 'README.md'])
})

test('another branch, and a commit, can be asked for', async () => {
  const store = await storeWithFiles()
  const commit = await commitFiles(store, DIRECTORY, { other: 'x' }, { branch: 'side' })
  for (const at of ['side', 'refs/heads/side', commit]) {
    expect((await files(store, [], false, at)).map(({ path }) => path)).toEqual(['other'])
  }
  await expect(files(store, [], false, 'no-such')).rejects.toThrow(ConfigError)
  await expect(files(store, ['no such file'])).rejects.toThrow(/has no "no such file"/)
})

test('a copy of the wrong length is neither there nor absent', async () => {
  const store = await storeWithFiles()
  await put(store, PLACE, 'short')
  const [found] = await files(store, ['sub/locked'])
  expect(found).toMatchObject({ present: undefined, problem: expect.stringContaining('damaged') })
})

test('the content of a key is given, whole or in part', async () => {
  const store = await storeWithFiles()
  expect(await content(store, KEY)).toBe(CONTENT.toString())
  expect(await content(store, KEY, { start: 4, end: 11 })).toBe(CONTENT.toString().slice(4, 11))
  expect(await content(store, KEY, { start: 4 })).toBe(CONTENT.toString().slice(4))
  await expect(content(store, ABSENT)).rejects.toMatchObject({ kind: 'missing' })
})

test('content that has not the checksum of its key ends in an error, whatever its length', async () => {
  const store = await storeWithFiles()
  const wrong = createHash('md5').update('other').digest().subarray(0, 11).toString('hex')
  expect(wrong).toHaveLength(CONTENT.length)
  await put(store, PLACE, wrong)
  await expect(content(store, KEY)).rejects.toMatchObject({ kind: 'corrupt' })
})
