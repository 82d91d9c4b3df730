import { rm, stat } from 'node:fs/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { deleteEntry, emptyTrash } from '../../../src/admin/trash/empty-trash.ts'
import { removeDataset } from '../../../src/admin/trash/remove-dataset.ts'
import { removeKeys } from '../../../src/admin/trash/remove-keys.ts'
import { bufferSource } from '../../../src/core/source.ts'
import { listAliases, setAlias } from '../../../src/git/alias.ts'
import { judge } from '../../../src/git/push-rules.ts'
import { EMPTY_STATE } from '../../../src/git/refs/ref-state.ts'
import { RiaDataset } from '../../../src/ria/keys/ria-dataset.ts'
import { markAppendOnly } from '../../../src/ria/layout/append-only.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { makeAppendOnly } from '../../../src/ria/make-store.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import type { Store } from '../../../src/store/store.ts'
import { riastore } from '../../support/programs/console-double.ts'
import { CONTENT, DIRECTORY, ID, KEY, PLACE } from '../../support/stores/memory-dataset.ts'
import { listed, read, temporaryDirectory, write } from '../../support/stores/stores.ts'

const REFUSED = 'the store is append-only: nothing in it is removed or replaced'
const OLD = 'the content'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let store: Store
beforeEach(async () => {
  directory = await temporaryDirectory()
  store = openLocalStore({ root: directory.path })
  await write(store, 'ria-layout-version', '1|l\n')
  await write(store, `${DIRECTORY}/ria-layout-version`, '2\n')
})
afterEach(async () => {
  await store.close()
  await directory.remove()
})

const keys = () => new RiaDataset(store, { id: ID, annexUuid: '1-2' })

test('a store that was made append-only says so in its layout file, keeps its flags, and stays so', async () => {
  expect([await makeAppendOnly(store, {}), await makeAppendOnly(store, {})]).toEqual([true, false])
  expect((await read(store, 'ria-layout-version')).toString()).toBe('1|la\n')
  const { stdout } = await riastore(['stat', directory.path])
  expect(stdout).toContain('append-only: riastore removes and replaces nothing in it')
})

test('to the end of its last day nothing goes, then all as before; and that day only comes later', async () => {
  await write(store, PLACE, OLD)
  const layout = async () => (await read(store, 'ria-layout-version')).toString()
  const mark = (until: string | undefined) => markAppendOnly(store, 'ria-layout-version', { until })
  expect([await mark('2999-12-30'), await mark('2999-12-31'), await mark('2999-12-31')]).toEqual([true, true, false])
  expect(await layout()).toBe('1|la29991231\n')
  const dataset = new StoredDataset(store, DIRECTORY, ID)
  await expect(removeDataset(dataset, { aliases: [], keepMs: 0 })).rejects.toThrow(REFUSED)
  await expect(mark('2999-01-01')).rejects.toThrow('it is append-only until 2999-12-31, and that is not made shorter')
  await mark(undefined)
  expect(await layout()).toBe('1|la\n')
  await expect(mark('2999-12-31')).rejects.toMatchObject({ kind: 'conflict' })
  const dayBefore = (ms: number) => new Date(ms).toISOString().slice(0, 10).replaceAll('-', '')
  await write(store, 'ria-layout-version', `1|a${dayBefore(Date.now() + 60_000)}\n`)
  await expect(removeDataset(dataset, { aliases: [], keepMs: 0 })).rejects.toThrow(REFUSED)
  await write(store, 'ria-layout-version', '1|a20991399\n') // no day of any month
  await expect(removeDataset(dataset, { aliases: [], keepMs: 0 })).rejects.toThrow(REFUSED)
  await write(store, 'ria-layout-version', `1|a${dayBefore(Date.now() - 24 * 3_600_000)}\n`)
  await removeDataset(dataset, { aliases: [], keepMs: 0 })
})

test.each([
  ['the store', 'ria-layout-version', '1|a\n'],
  ['the dataset', `${DIRECTORY}/ria-layout-version`, '2|a\n'],
])(
  'in an append-only store no key is removed or replaced, and a new one is stored: %s says so',
  async (_who, file, text) => {
    const dataset = keys()
    await dataset.store(KEY, bufferSource(CONTENT))
    await dataset.close()
    const before = await read(store, PLACE)
    await write(store, file, text)
    const again = keys()
    await expect(again.remove(KEY)).rejects.toThrow(REFUSED)
    await expect(again.store(KEY, bufferSource(Buffer.from('the CONTENT of the key')))).rejects.toThrow(REFUSED)
    await again.store('MD5-s1--0cc175b9c0f1b6a831c399e269772661', bufferSource('a'))
    expect(await again.checkPresent('MD5-s1--0cc175b9c0f1b6a831c399e269772661')).toBe(true)
    await again.close()
    expect(await read(store, PLACE)).toEqual(before)
  },
)

test('in an append-only store no dataset and no key goes into the trash, and nothing of the trash is deleted', async () => {
  await write(store, PLACE, OLD)
  const dataset = new StoredDataset(store, DIRECTORY, ID)
  const other = new StoredDataset(store, 'abc/def', 'abcdef')
  await write(store, 'abc/def/ria-layout-version', '2\n')
  const { path } = await removeDataset(other, { aliases: [], keepMs: 0 })
  await makeAppendOnly(store, {})
  await expect(removeDataset(dataset, { aliases: [], keepMs: 0 })).rejects.toThrow(REFUSED)
  const entries = await listed(store.list(`${DIRECTORY}/annex`))
  await expect(removeKeys(dataset, entries, { keepMs: 0, mayGo: async () => true })).rejects.toThrow(REFUSED)
  await expect(deleteEntry(store, path, { isDue: () => true })).rejects.toThrow(REFUSED)
  expect(await emptyTrash(store)).toMatchObject({ entries: 0, kept: 1 })
  expect((await read(store, PLACE)).toString()).toBe(OLD)
})

test('a dataset of an append-only store is not moved, and nothing of it is copied', async () => {
  await makeAppendOnly(store, {})
  const target = `${directory.path}-moved`
  try {
    const { code, stderr } = await riastore(['move', '--yes', directory.path, target, ID])
    expect([code, stderr]).toEqual([1, expect.stringContaining(REFUSED)])
    await expect(stat(`${target}/${DIRECTORY}`)).rejects.toMatchObject({ code: 'ENOENT' })
  } finally {
    await rm(target, { recursive: true, force: true })
  }
})

test.each([
  ['the store', 'ria-layout-version', '1|a\n'],
  ['the dataset', `${DIRECTORY}/ria-layout-version`, '2|a\n'],
])('in an append-only store a dataset gets more names and loses none: %s says so', async (_who, file, text) => {
  await write(store, 'alias/first/riastore-alias', `${DIRECTORY}\n`)
  await write(store, file, text)
  for (const words of [
    ['rm', '--yes', directory.path, 'first'],
    ['rm', '-n', directory.path, 'first'],
    ['mv', directory.path, 'first', 'other'],
    ['mv', '-n', directory.path, 'first', 'other'],
  ]) {
    const { code, stderr } = await riastore(['alias', ...words])
    expect([code, stderr], words.join(' ')).toEqual([1, expect.stringContaining(REFUSED)])
  }
  await setAlias(new StoredDataset(store, DIRECTORY), 'second')
  expect((await listAliases(store)).map(({ name }) => name)).toEqual(['first', 'second'])
})

test('in an append-only store a push moves refs forward, and deletes none, also when it is forced', async () => {
  const refs = new Map([
    ['refs/heads/main', 'a'.repeat(40)],
    ['refs/heads/old', 'b'.repeat(40)],
  ])
  const state = { ...EMPTY_STATE, refs }
  const history = { has: async () => true, isAncestor: async (_old: string, to: string) => to.startsWith('f') }
  const push = (name: string, to: string | undefined) =>
    judge([{ name, to, force: true }], state, state, { atomic: false, history, appendOnly: true })
  expect([...(await push('refs/heads/main', 'f'.repeat(40))).values()]).toEqual([undefined])
  expect([...(await push('refs/heads/main', 'c'.repeat(40))).values()]).toEqual(['non-fast forward'])
  expect([...(await push('refs/heads/old', undefined)).values()]).toEqual(['the store is append-only'])
})
