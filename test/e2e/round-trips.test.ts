import { mkdir, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bufferSource } from '../../src/core/source.ts'
import { RiaDataset } from '../../src/ria/keys/ria-dataset.ts'
import { placesOf } from '../../src/ria/layout/places.ts'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { makeArchive } from '../support/archives/real-archive.ts'
import { startSshd } from '../support/servers/sshd.ts'
import { startTurnProxy, type TurnProxy } from '../support/servers/turn-proxy.ts'
import { makeWorkspace } from '../support/worlds/workspace.ts'

const DELAY_MS = 40
const directory = 'abc/12345-1111-2222-3333-444444444444'
const key = (n: number) => `MD5-s5--${String(n).padStart(32, '0')}`

const workspace = await makeWorkspace()
let proxy: TurnProxy
let dataset: RiaDataset
let far: Store
let nearHost: string
const root = workspace.path('store')

/** How many round trips something takes, once all that went before is answered. */
async function turnsOf(work: () => Promise<unknown>): Promise<number> {
  await proxy.quiet(5 * DELAY_MS)
  proxy.forget()
  await work()
  return proxy.turns()
}

beforeAll(async () => {
  process.env.PATH = workspace.env.PATH // `ssh` is a wrapper there, with a configuration of its own
  const sshd = await startSshd(workspace)
  proxy = await startTurnProxy(sshd.port, DELAY_MS)
  workspace.onRemove(() => proxy.stop())
  const host = await sshd.addAlias('turns', { Port: proxy.port })
  nearHost = await sshd.addAlias('near', {})
  await mkdir(`${root}/${directory}`, { recursive: true })
  await writeFile(`${root}/ria-layout-version`, '1\n')
  await writeFile(`${root}/${directory}/ria-layout-version`, '2\n')
  far = await openStore({ scheme: 'ssh', path: root, target: { host } }, { stallMs: 30_000, ssh: 'ssh2' })
  workspace.onRemove(() => far.close())
  dataset = new RiaDataset(far, { id: directory.replace('/', ''), annexUuid: 'f00' })
  for (let n = 0; n < 3; n++) await dataset.store(key(n), bufferSource('hello'))
})

afterAll(() => workspace.remove())

test('checking a key costs one round trip, there or not', async () => {
  expect(await turnsOf(() => dataset.checkPresent(key(0)))).toBe(1)
  expect(await turnsOf(() => dataset.checkPresent(key(99)))).toBe(1)
})

test('what need not be looked up is not, where the server is so near that asking again costs nothing', async () => {
  const near = await openStore(
    { scheme: 'ssh', path: root, target: { host: nearHost } },
    { stallMs: 30_000, ssh: 'ssh2' },
  )
  workspace.onRemove(() => near.close())
  expect(near.traits.looksTogether).toBe(true)
  // The quickest of its answers counts: on a busy machine it takes some.
  while (near.traits.looksTogether) await near.stat('ria-layout-version')
  expect(far.traits.looksTogether).toBe(true)
})

test('storing a small key costs two round trips', async () => {
  expect(await turnsOf(() => dataset.store(key(50), bufferSource('hello')))).toBe(2)
  expect(await turnsOf(() => dataset.store(key(51), bufferSource('hello')))).toBe(2)
})

test('storing a small key still costs two round trips after eight were stored at once', async () => {
  const eight = () =>
    Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((n) => dataset.store(key(60 + n), bufferSource('hello'))))
  await eight()
  expect(await turnsOf(() => dataset.store(key(52), bufferSource('hello')))).toBe(2)
})

test('retrieving a small key costs two round trips', async () => {
  const file = workspace.path('retrieved')
  expect(await turnsOf(() => dataset.retrieve(key(50), file))).toBe(2)
})

test('removing a key costs one round trip more than the removal, for the look at the way to it', async () => {
  await dataset.store(key(70), bufferSource('hello'))
  await dataset.store(key(71), bufferSource('hello'))
  await sleep(1_500) // what was looked at before is looked at again
  expect(await turnsOf(() => dataset.remove(key(70)))).toBe(2)
  expect(await turnsOf(() => dataset.remove(key(71)))).toBe(2)
})

test('checking an archived key costs one round trip, there or not, and retrieving it three', async () => {
  const archived = 'fff/12345-1111-2222-3333-444444444444'
  await mkdir(`${root}/${archived}/archives`, { recursive: true })
  await writeFile(`${root}/${archived}/ria-layout-version`, '2\n')
  const [place = ''] = placesOf(key(1), '2')
  await writeFile(
    `${root}/${archived}/archives/archive.7z`,
    await makeArchive(new Map([[place, Buffer.from('hello')]]), ['-mx0']),
  )
  const asked = new RiaDataset(far, { id: archived.replace('/', ''), annexUuid: 'f00' })
  workspace.onRemove(() => asked.close())
  expect(await asked.checkPresent(key(1))).toBe(true)
  expect(await turnsOf(() => asked.checkPresent(key(1)))).toBe(1)
  expect(await turnsOf(() => asked.checkPresent(key(2)))).toBe(1)
  expect(await turnsOf(() => asked.retrieve(key(1), workspace.path('archived')))).toBe(3)
})
