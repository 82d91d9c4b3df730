import { afterAll, expect, onTestFinished, test } from 'vitest'
import { bufferSource } from '../../../../src/core/source.ts'
import { findFault } from '../../../../src/ria/layout/atomic-puts.ts'
import { StoredDataset } from '../../../../src/ria/layout/stored-dataset.ts'
import { claimOf } from '../../../../src/store/dav/claim.ts'
import { openDavStore } from '../../../../src/store/dav/dav.ts'
import { startApache } from '../../../support/servers/webdav.ts'
import { read, write } from '../../../support/stores/stores.ts'

const apache = await startApache()
afterAll(() => apache.close())

let stores = 0
function open(claimStaleMs: number) {
  const url = `${apache.url}/${++stores}`
  const store = openDavStore({ url, claimStaleMs })
  onTestFinished(() => store.close())
  const put = (path: string, text: string) => store.put(path, bufferSource(text), { ifAbsent: true })
  return { url, store, put }
}

async function ask(method: string, url: string, more: RequestInit = {}): Promise<number> {
  const answer = await fetch(url, { method, ...more })
  await answer.arrayBuffer()
  return answer.status
}

test('of several who store one file of a mod_dav at once exactly one wins', async () => {
  const { store } = open(30_000)
  expect(await findFault(new StoredDataset(store, 'abc/def'), {})).toBeUndefined()
})

test('a claim that does not move is taken away, and its owner cannot store anything when it wakes up', async () => {
  const { url, store, put } = open(100)
  await write(store, 'dir/other', 'other')
  const claim = claimOf(`${url}/dir/file`)
  expect(await ask('MKCOL', claim)).toBe(201)
  expect(await ask('PUT', `${claim}/late`, { body: 'late' })).toBe(201)
  await put('dir/file', 'new')
  for (const name of ['file', 'another']) {
    const headers = { destination: `${url}/dir/${name}`, overwrite: 'F' }
    expect(await ask('MOVE', `${claim}/late`, { headers })).toBe(404)
  }
  expect((await read(store, 'dir/file')).toString()).toBe('new')
  expect(await store.stat('dir/another')).toBeUndefined()
})

test('a claim that was left where there is a file is in nobody’s way', async () => {
  const { url, store, put } = open(100)
  await put('dir/file', 'old')
  expect(await ask('MKCOL', claimOf(`${url}/dir/file`))).toBe(201)
  await expect(put('dir/file', 'new')).rejects.toMatchObject({ kind: 'conflict' })
  await store.remove('dir/file')
  await put('dir/file', 'newer')
  expect((await read(store, 'dir/file')).toString()).toBe('newer')
})

test('no claim stays', async () => {
  const { url, put } = open(30_000)
  await put('dir/file', 'text')
  expect(await ask('PROPFIND', claimOf(`${url}/dir/file`), { headers: { depth: '0' } })).toBe(404)
})
