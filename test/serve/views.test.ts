import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { LAYOUT_FILE } from '../../src/ria/layout/paths.ts'
import type { Store } from '../../src/store/store.ts'
import { annexLink, commitFiles } from '../support/repos/memory-repository.ts'
import { type ServedStore, serveStore } from '../support/servers/served-store.ts'
import { CONTENT, DIRECTORY, ID, KEY, memoryStore, PLACE } from '../support/stores/memory-dataset.ts'
import { withMethods, write } from '../support/stores/stores.ts'

let store: Store
let calls: string[]
let served: ServedStore

beforeEach(async () => {
  store = await memoryStore()
  await commitFiles(store, DIRECTORY, { 'README.md': '# A study\n', 'sub-01/x.dat': annexLink(KEY) })
  await write(store, PLACE, CONTENT)
  calls = []
  served = await serveStore(
    withMethods(store, {
      stat: (path, options) => noted('stat', path, () => store.stat(path, options)),
      statAll: (paths, options) => noted('stat', paths.join(' '), () => store.statAll(paths, options)),
      get: (path, consume, options) => noted('get', path, () => store.get(path, consume, options)),
    }),
  )
})
afterEach(async () => {
  vi.restoreAllMocks()
  await served.close()
})

function noted<T>(op: string, path: string, call: () => Promise<T>): Promise<T> {
  calls.push(`${op} ${path.replaceAll(DIRECTORY, '@')}`)
  return call()
}

/** Time goes on by so much, in ms. */
function passes(ms: number): void {
  const now = performance.now.bind(performance)
  vi.spyOn(performance, 'now').mockImplementation(() => now() + ms)
}

const FILE = `/d/${ID}/main/sub-01/x.dat`

describe('what never changes is read once', () => {
  test('a file that is asked for again costs a look at its dataset, and its content', async () => {
    expect((await served.ask(FILE)).body).toBe(CONTENT.toString())
    calls = []
    expect((await served.ask(FILE)).body).toBe(CONTENT.toString())
    expect(calls).toEqual([`stat ${LAYOUT_FILE} @/${LAYOUT_FILE}`, `get ${PLACE.replace(DIRECTORY, '@')}`])
  })

  test('a key that is asked for again costs its content alone', async () => {
    await served.ask(`/${PLACE}`)
    calls = []
    expect((await served.ask(`/${PLACE}`)).body).toBe(CONTENT.toString())
    expect(calls).toEqual([`get ${PLACE.replace(DIRECTORY, '@')}`])
  })
})

test('a push is seen a few seconds later', async () => {
  expect((await served.ask(`/d/${ID}/main/README.md`)).body).toBe('# A study\n')
  await commitFiles(store, DIRECTORY, { 'README.md': '# Another\n' })
  passes(2_001)
  expect((await served.ask(`/d/${ID}/main/README.md`)).body).toBe('# Another\n')
})

test('a dataset that is removed is served at no address any more, whatever was read of it before', async () => {
  const refs = await served.ask(`/${DIRECTORY}/info/refs`)
  const commit = /^([0-9a-f]{40})\trefs\/heads\/main$/m.exec(refs.body)?.[1] ?? ''
  const gone = [
    FILE,
    `/d/${ID}/main/README.md`,
    `/d/${ID}/${commit}/README.md`,
    `/d/${ID}/HEAD/`,
    `/${DIRECTORY}/info/refs`,
    `/${PLACE}`,
  ]
  for (const path of gone) expect((await served.ask(path)).status, path).toBe(200)
  const files: string[] = []
  for await (const { path } of store.list(DIRECTORY)) files.push(path)
  // As `riastore rm` takes it away: what makes it a dataset first.
  await store.remove(`${DIRECTORY}/${LAYOUT_FILE}`)
  for (const path of gone.slice(0, -1)) expect((await served.ask(path)).status, path).toBe(404)
  expect((await served.ask(FILE, { method: 'PROPFIND', Depth: '0' })).status).toBe(404)
  for (const path of files) await store.remove(path)
  for (const path of gone) expect((await served.ask(path)).status, path).toBe(404)
})
