import { expect, test } from 'vitest'
import { KeyThaws } from '../../../src/admin/inventory/key-thaw.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import type { Store, Thaw, ThawOptions } from '../../../src/store/store.ts'
import { DIRECTORY, KEY, memoryStore, PLACE, put } from '../../support/stores/memory-dataset.ts'
import { withMethods } from '../../support/stores/stores.ts'

const ARCHIVE = `${DIRECTORY}/archives/archive.7z`
const ASK = { days: 3, tier: 'Bulk' }
const COLD: Thaw = { state: 'cold', size: 22, place: 'GLACIER' }

/** A store in which these files lie in cold storage; `asked` tells what was asked for. */
async function coldStore(cold: Readonly<Record<string, Thaw>>) {
  const asked: string[] = []
  const store = await memoryStore()
  const thaw = async (path: string, { ask }: ThawOptions = {}): Promise<Thaw | undefined> => {
    const stat = await store.stat(path)
    const found = cold[path]
    if (stat === undefined || found === undefined) return stat && { state: 'here', size: stat.size, place: undefined }
    if (ask !== undefined && found.state === 'cold') asked.push(`${path} ${ask.days} ${ask.tier}`)
    return ask === undefined ? found : { ...found, state: 'thawing', asked: found.state === 'cold' }
  }
  return { store: withMethods(store, { thaw }), asked }
}

async function look(store: Store, ask: typeof ASK | undefined, keys: readonly string[] = [KEY]) {
  const thaws = await KeyThaws.open(new StoredDataset(store, DIRECTORY), ask, {})
  try {
    const found = []
    for (const key of keys) found.push(await thaws.look(key, {}))
    return found
  } finally {
    await thaws.close()
  }
}

test('a key that can be read is here, one that the store has not is absent, and nothing is asked for', async () => {
  const { store, asked } = await coldStore({})
  await put(store, PLACE, 'the content of the key')
  expect(await look(store, ASK, [KEY, KEY.replace('f5d0', '0000')])).toEqual([{ state: 'here' }, { state: 'absent' }])
  const plain = withMethods(store, { thaw: undefined })
  expect(await look(plain, ASK, [KEY, KEY.replace('f5d0', '0000')])).toEqual([{ state: 'here' }, { state: 'absent' }])
  expect(asked).toEqual([])
})

test('a loose key in cold storage is asked for where that is wanted', async () => {
  const { store, asked } = await coldStore({ [PLACE]: COLD })
  await put(store, PLACE, 'the content of the key')
  expect(await look(store, undefined)).toEqual([{ state: 'cold', object: { ...COLD, path: PLACE } }])
  expect(asked).toEqual([])
  expect(await look(store, ASK)).toMatchObject([{ state: 'thawing', object: { path: PLACE, asked: true } }])
  expect(asked).toEqual([`${PLACE} 3 Bulk`])
})

test('what may be in an archive that is cold is not absent, and the archive is asked for once', async () => {
  const { store, asked } = await coldStore({ [ARCHIVE]: COLD })
  await put(store, ARCHIVE, 'no archive')
  const [one, other] = await look(store, ASK, [KEY, KEY.replace('f5d0', '0000')])
  expect(one).toMatchObject({ state: 'thawing', object: { path: ARCHIVE, asked: true } })
  expect(other).toEqual(one)
  expect(asked).toEqual([`${ARCHIVE} 3 Bulk`])
})

test('an archive that is here and cannot be read makes nothing absent', async () => {
  const { store } = await coldStore({})
  await put(store, ARCHIVE, 'no archive')
  await expect(look(store, ASK)).rejects.toMatchObject({ kind: 'corrupt' })
})
