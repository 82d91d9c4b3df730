import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { keyPaths } from '../../../src/ria/layout/paths.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import type { Store } from '../../../src/store/store.ts'
import { runOk } from '../../support/programs/run.ts'
import { annexLink, commitFiles } from '../../support/repos/memory-repository.ts'
import { type ServedStore, serveStore } from '../../support/servers/served-store.ts'
import { DIRECTORY, ID } from '../../support/stores/memory-dataset.ts'
import { temporaryDirectory, withMethods, write } from '../../support/stores/stores.ts'

const MINUTES_MS = 20 * 60_000
/** More than the lengths and places of a zip without its extension. */
const HUGE_BYTES = 4 * 1024 ** 3 + 5
/** It has no checksum, so that holes will do. */
const HUGE = `WORM-s${HUGE_BYTES}-m1--huge.dat`
/** More than the system takes for a client that reads nothing. */
const LARGE = randomBytes(24 * 1024 * 1024)

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let store: Store
let served: ServedStore
let large: string

beforeAll(async () => {
  directory = await temporaryDirectory()
  store = openLocalStore({ root: join(directory.path, 'store') })
  await write(store, 'ria-layout-version', '1\n')
  await write(store, `${DIRECTORY}/ria-layout-version`, '2\n')
  const huge = keyPaths(DIRECTORY, '2', HUGE)[0] ?? ''
  await write(store, huge, '')
  const file = await open(join(directory.path, 'store', huge), 'r+')
  await file.write('at the end', HUGE_BYTES - 10)
  await file.close()
  large = keyPaths(DIRECTORY, '2', `MD5-s${LARGE.length}--${createHash('md5').update(LARGE).digest('hex')}`)[0] ?? ''
  await write(store, large, LARGE)
  await commitFiles(store, DIRECTORY, { 'all/huge.dat': annexLink(HUGE), 'all/small.txt': 'behind it\n' })
  served = await serveStore(store)
})
afterAll(async () => {
  await served?.close()
  await directory?.remove()
})

test('a folder of more than 4 GiB is a zip that others read', { timeout: MINUTES_MS }, async () => {
  const zip = join(directory.path, 'all.zip')
  const url = `http://127.0.0.1:${served.port}/d/${ID}/main/all/?archive=zip`
  await runOk(
    'sh',
    ['-c', 'curl -sSf "$1" | dd of="$2" bs=1M iflag=fullblock conv=sparse status=none', 'sh', url, zip],
    {
      timeoutMs: MINUTES_MS,
    },
  )
  const script = [
    'import sys, zipfile',
    'z = zipfile.ZipFile(sys.argv[1])',
    'print(z.testzip(), [(i.filename, i.file_size) for i in z.infolist()], z.read("small.txt"))',
  ].join('\n')
  const { stdout } = await runOk('python3', ['-c', script, zip], { timeoutMs: MINUTES_MS })
  expect(stdout).toContain(`None [(`)
  expect(stdout).toContain(`huge.dat', ${HUGE_BYTES})`)
  expect(stdout).toContain("b'behind it\\n'")
  await runOk('7z', ['t', zip], { timeoutMs: MINUTES_MS })
})

test('a client that says half of what it wants, or takes nothing of what it gets, is given up', {
  timeout: MINUTES_MS,
}, async () => {
  // The same store for which node's server does all.
  const slow = await serveStore(withMethods(store, { traits: { ...store.traits, local: false } }))
  try {
    const start = performance.now()
    const half = connect(served.port, '127.0.0.1')
    half.write(`GET /${large} HTTP/1.1\r\nHost: loc`)
    half.resume()
    const taking = [served, slow].map(({ port }) => {
      const socket = connect(port, '127.0.0.1')
      socket.write(`GET /${large} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
      return socket.pause()
    })
    const closed = async (socket: Socket) => {
      await once(
        socket.on('error', () => {}),
        'close',
      )
      return performance.now() - start
    }
    expect(await closed(half)).toBeGreaterThan(19_000)
    for (const { log } of [served, slow]) {
      await expect.poll(() => log.find(({ target }) => target === `/${large}`), { timeout: 300_000 }).toBeDefined()
      const entry = log.find(({ target }) => target === `/${large}`)
      expect(entry?.bytes).toBeLessThan(LARGE.length)
    }
    expect(performance.now() - start).toBeGreaterThan(59_000)
    for (const socket of taking) socket.destroy()
  } finally {
    await slow.close()
  }
})
