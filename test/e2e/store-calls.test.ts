import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { StoreError } from '../../src/core/errors.ts'
import { openLocalStore } from '../../src/store/local/local.ts'
import type { StoreLocation } from '../../src/store/location.ts'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { withRetry } from '../../src/store/wrappers/retry.ts'
import { startSshd } from '../support/servers/sshd.ts'
import { type StallProxy, startStallProxy } from '../support/servers/stall-proxy.ts'
import { startWebServer, type WebServer } from '../support/servers/web-server.ts'
import { withMethods } from '../support/stores/stores.ts'
import { makeWorkspace } from '../support/worlds/workspace.ts'

const workspace = await makeWorkspace()
const root = workspace.path('store')
const HOUR_MS = 3_600_000
let host: string
/** The same server, asked every second whether it lives. */
let silent: string
let proxy: StallProxy
let web: WebServer

beforeAll(async () => {
  process.env.PATH = workspace.env.PATH // `ssh` is a wrapper there, with a configuration of its own
  const sshd = await startSshd(workspace)
  proxy = await startStallProxy(sshd.port)
  workspace.onRemove(() => proxy.stop())
  host = await sshd.addAlias('behind', { Port: proxy.port })
  silent = await sshd.addAlias('silent', { Port: proxy.port, ServerAliveInterval: 1 })
  await mkdir(root)
  await writeFile(`${root}/there`, 'content')
  web = await startWebServer(root)
  workspace.onRemove(() => web.close())
})
afterAll(() => workspace.remove())

async function open(location: StoreLocation): Promise<Store> {
  const store = await openStore(location, { stallMs: 30_000, ssh: 'auto' })
  workspace.onRemove(() => store.close())
  return store
}

const overSsh = (): StoreLocation => ({ scheme: 'ssh', path: root, target: { host } })

describe('looking several files up', () => {
  const locations: [string, () => StoreLocation][] = [
    ['on a disk', () => ({ scheme: 'file', path: root })],
    ['over SSH', overSsh],
    ['over HTTP', () => ({ scheme: 'http', url: web.url })],
  ]

  test.each(locations)(
    '%s fails when one of the looks fails, wherever it stands among them',
    async (_where, location) => {
      const store = await open(location())
      // No backend here takes such a name, so nobody can say whether there is one.
      const unknowable = 'n'.repeat(5000)
      for (const paths of [
        [unknowable, 'there', 'gone'],
        ['there', unknowable, 'gone'],
        ['gone', 'there', unknowable],
      ]) {
        await expect(store.statAll(paths)).rejects.toBeInstanceOf(StoreError)
      }
      const found = await store.statAll(['there', 'gone'])
      expect(found.map((stat) => stat?.size)).toEqual([7, undefined])
    },
  )
})

test('a program ends, for us, when the network falls silent while it runs', async () => {
  const store = await openStore(
    { scheme: 'ssh', path: root, target: { host: silent } },
    { stallMs: HOUR_MS, ssh: 'ssh2' },
  )
  // Neither the program nor the watchdog ends it: longer than any test takes.
  const running = store.exec(['sh', '-c', `echo begun >'${root}/begun'; exec sleep 3600`], { cwd: '' })
  running.catch(() => {}) // looked at below
  await expect.poll(() => readFile(`${root}/begun`, 'utf8').catch(() => '')).toBe('begun\n')
  proxy.stall()
  await expect(running).rejects.toMatchObject({ kind: 'unreachable', sent: 'maybe' })
  proxy.resume()
  await store.close()
})

describe('what could have been done already is not done again', () => {
  test('a program whose connection is lost has run once, and how it ended is not known', async () => {
    const store = await open(overSsh())
    const script = `echo ran >>'${root}/log'; exec sleep 20`
    const running = store.exec(['sh', '-c', script], { cwd: '' })
    running.catch(() => {}) // looked at below
    const ran = () => readFile(`${root}/log`, 'utf8').catch(() => '')
    await expect.poll(ran).toBe('ran\n')
    proxy.cut()
    await expect(running).rejects.toMatchObject({ kind: 'unreachable', sent: 'maybe' })
    expect((await store.exec(['true'], { cwd: '' })).code).toBe(0)
    expect(await ran()).toBe('ran\n')
  })

  test('a file that was renamed when the connection was lost is not renamed again', async () => {
    const local = openLocalStore({ root })
    await writeFile(`${root}/from`, 'first')
    let moves = 0
    const move: Store['move'] = async (from, to) => {
      moves += 1
      await local.move(from, to)
      await writeFile(`${root}/from`, 'second, of somebody else')
      throw new StoreError({ kind: 'unreachable', op: 'move', where: from, message: 'connection lost' })
    }
    const store = withRetry(withMethods(local, { move }), { retries: 3, minDelayMs: 1, maxDelayMs: 2 })
    await expect(store.move('from', 'to')).rejects.toMatchObject({ kind: 'unreachable', sent: 'maybe' })
    expect(moves).toBe(1)
    expect(await readFile(`${root}/to`, 'utf8')).toBe('first')
  })
})
