import { afterEach, beforeEach, expect, test } from 'vitest'
import { deleteEntry } from '../../../src/admin/trash/empty-trash.ts'
import { lastEntry, type NewEntry } from '../../../src/admin/trash/entry.ts'
import { removeDataset } from '../../../src/admin/trash/remove-dataset.ts'
import { restoreDataset } from '../../../src/admin/trash/restore-dataset.ts'
import { StoredRepository } from '../../../src/git/repository.ts'
import { findDataset } from '../../../src/ria/layout/datasets.ts'
import type { MovedTo } from '../../../src/ria/layout/moved-to.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { openHttpStore } from '../../../src/store/http/http.ts'
import type { Store } from '../../../src/store/store.ts'
import { type ServedStore, serveStore } from '../../support/servers/served-store.ts'
import { DIRECTORY, dataset, ID, KEY, memoryStore } from '../../support/stores/memory-dataset.ts'
import { write } from '../../support/stores/stores.ts'

const MOVED_TO = { url: 'ria+ssh://new.example/store', sibling: 'store-storage' }
const COMMANDS = [
  `git remote set-url SIBLING ssh://new.example/store/${DIRECTORY}`,
  'git annex enableremote store-storage url=ria+ssh://new.example/store',
]

let store: Store
let served: ServedStore
beforeEach(async () => {
  store = await memoryStore()
  served = await serveStore(store)
})
afterEach(async () => {
  await served.close()
  await store.close()
})

const move = (movedTo: MovedTo): Promise<NewEntry> =>
  removeDataset(new StoredDataset(store, DIRECTORY), { aliases: [], keepMs: 1e9, movedTo })

/** What who looks for a key, for the dataset, for its refs, and through a web server is told. */
async function told(): Promise<readonly string[]> {
  const web = openHttpStore({ url: `http://127.0.0.1:${served.port}` })
  const asked = [
    dataset(store).checkPresent(KEY),
    findDataset(store, ID),
    new StoredRepository(new StoredDataset(store, DIRECTORY), { gitDir: undefined, shows: false }).state(),
    dataset(web).checkPresent(KEY),
  ]
  const words = await Promise.all(asked.map((each) => each.then(String, (error: Error) => error.message)))
  await web.close()
  return words
}

test('who looks for a dataset that was moved is told where it is and what the clone needs, also when the trash was emptied', async () => {
  const { path } = await move(MOVED_TO)
  const isTold = expect.stringMatching(
    /it was moved to ria\+ssh:\/\/new\.example\/store on \d{4}-\d\d-\d\d; each clone has to be told: /,
  )
  const check = async () => {
    const words = await told()
    expect(words).toEqual([isTold, isTold, isTold, isTold])
    for (const each of words) expect(each).toContain(COMMANDS.join('; '))
    for (const each of words) expect(each).not.toMatch(/was removed|restore/)
  }
  await check()
  expect(await lastEntry(store, ID, {})).toMatchObject({ movedTo: MOVED_TO })
  await deleteEntry(store, path, { isDue: () => true })
  await check()
})

test('a dataset that was moved and brought back, and is removed then, was removed', async () => {
  await restoreDataset(store, await move(MOVED_TO), {})
  expect((await served.ask(`/trash/${ID}/removed`)).status).toBe(404)
  await removeDataset(new StoredDataset(store, DIRECTORY), { aliases: [], keepMs: 1e9 })
  for (const each of await told()) expect(each).toMatch(/it was removed from it on [^ ]*; riastore restore brings/)
})

test('an address, and the name of a sibling, is one word for a shell', async () => {
  await move({ url: 'ria+file:///data/my store', sibling: "my 'x'; reboot" })
  const [words] = await told()
  expect(words).toContain(`git remote set-url SIBLING '/data/my store/${DIRECTORY}'; `)
  expect(words).toContain(`git annex enableremote 'my '\\''x'\\''; reboot' 'url=ria+file:///data/my store'`)
})

test('what anybody wrote there that is no address, or would be an option, is not told', async () => {
  await store.remove(`${DIRECTORY}/ria-layout-version`)
  for (const movedTo of ['https://evil.example', '', 7, null]) {
    await write(store, `trash/${ID}/removed`, JSON.stringify({ removed: '2026-11-29T00:00:00Z', movedTo }))
    expect((await told())[0]).toContain('it was removed from it on 2026-11-29 for good')
  }
  const moved = { removed: '2026-11-29T00:00:00Z', movedTo: MOVED_TO.url, sibling: '--force' }
  await write(store, `trash/${ID}/removed`, JSON.stringify(moved))
  const [words] = await told()
  expect([words?.includes(MOVED_TO.url), words?.includes('--force')]).toEqual([true, false])
})
