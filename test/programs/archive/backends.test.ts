import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { Archive } from '../../../src/archive/archive.ts'
import { IndexCache } from '../../../src/archive/index/index-cache.ts'
import { openHttpStore } from '../../../src/store/http/http.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import { openSftpStore } from '../../../src/store/sftp/sftp.ts'
import type { Store } from '../../../src/store/store.ts'
import { contentOf, differences, makeArchive, someFiles } from '../../support/archives/real-archive.ts'
import { startSshd } from '../../support/servers/sshd.ts'
import { startWebServer } from '../../support/servers/web-server.ts'
import { wrapped } from '../../support/stores/stores.ts'
import { makeWorkspace } from '../../support/worlds/workspace.ts'

const workspace = await makeWorkspace()
afterAll(() => workspace.remove())
process.env.PATH = workspace.env.PATH // `ssh` is a wrapper there, with a configuration of its own
const root = workspace.path('store')
await mkdir(`${root}/archives`, { recursive: true })
const sshd = await startSshd(workspace)
const server = await startWebServer(root)
afterAll(() => server.close())
const rude = await startWebServer(root)
rude.behave(/./, { ignoreRange: true })
afterAll(() => rude.close())
const mirrors = await startWebServer(root)
mirrors.behave(/./, { etags: ['"a"', 'W/"a"', '"of another mirror"'] })
afterAll(() => mirrors.close())

const strangers = await startWebServer(root)
const asTold = (name: string, ms: number) => ({
  directory: root,
  headers: { etag: `"${name}"`, 'last-modified': new Date(ms).toUTCString() },
})
strangers.behave(/./, { mirrors: [asTold('a', 1e12), asTold('b', 2e12), asTold('b', 2e12)] })
afterAll(() => strangers.close())

const BACKENDS: readonly (readonly [string, () => Store])[] = [
  ['local', () => openLocalStore({ root })],
  ['sftp by ssh2', () => openSftpStore({ target: { host: sshd.alias }, root, provider: 'ssh2' })],
  ['sftp by OpenSSH', () => openSftpStore({ target: { host: sshd.alias }, root, provider: 'openssh' })],
  ['http', () => openHttpStore({ url: server.url })],
  ['http without ranges', () => openHttpStore({ url: rude.url })],
  ['http by mirrors with ETags of their own', () => openHttpStore({ url: mirrors.url })],
  ['http by mirrors with ETags and dates of their own', () => openHttpStore({ url: strangers.url })],
]

const FILES = new Map([...someFiles(12, 40_000), ['large', Buffer.alloc(3_000_000, 'abcdefg')] as const])
const SWITCHES = [['-mx0'], ['-mx0', '-mhc=off'], ['-mx5', '-ms=on'], ['-m0=PPMd', '-ms=10f'], ['-m0=BZip2', '-ms=off']]
for (const [i, switches] of SWITCHES.entries()) {
  await writeFile(`${root}/archives/${i}.7z`, await makeArchive(FILES, switches))
  await utimes(`${root}/archives/${i}.7z`, 1e9, 1e9) // long ago: its time says what it is
}

describe.each(BACKENDS)('over %s', (name, openBackend) => {
  it.each(SWITCHES.map((switches, i) => [switches.join(' '), i] as const))(
    'members of an archive made with %s are byte-identical',
    async (_, i) => {
      const cache = new IndexCache({ directory: workspace.path(`cache of ${name}`), maxBytes: 1e9 })
      for (const wrap of [wrapped, (store: Store) => store]) {
        const store = wrap(openBackend())
        try {
          const archive = await Archive.open(store, `archives/${i}.7z`, { cache })
          expect(await differences(archive, FILES)).toEqual([])
          const large = await archive.find('large')
          expect(large && (await contentOf(archive, large, 2_999_000)).length).toBe(1000)
          await archive.close()
        } finally {
          await store.close()
        }
      }
    },
  )
})
