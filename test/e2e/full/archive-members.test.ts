import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Archive } from '../../../src/archive/archive.ts'
import { IndexCache } from '../../../src/archive/index/index-cache.ts'
import { forEachParallel } from '../../../src/core/parallel.ts'
import { openHttpStore } from '../../../src/store/http/http.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import { openSftpStore } from '../../../src/store/sftp/sftp.ts'
import type { Store } from '../../../src/store/store.ts'
import { contentOf } from '../../support/archives/real-archive.ts'
import { runOk } from '../../support/programs/run.ts'
import { type Sshd, startSshd } from '../../support/servers/sshd.ts'
import { startWebServer, type WebServer } from '../../support/servers/web-server.ts'
import { wrapped } from '../../support/stores/stores.ts'
import { makeWorkspace, type Workspace } from '../../support/worlds/workspace.ts'

const COUNT = 100_000
const SWITCHES = { 'as they are': ['-mx0'], 'packed in solid blocks': ['-mx1', '-ms=1000f'] }

let workspace: Workspace
let root: string
let sshd: Sshd
let server: WebServer
beforeAll(async () => {
  workspace = await makeWorkspace()
  process.env.PATH = workspace.env.PATH // `ssh` is a wrapper there, with a configuration of its own
  root = workspace.path('store')
  await mkdir(root)
  for (let i = 0; i < COUNT; i += 1000) {
    await mkdir(workspace.path('in', name(i), '..'), { recursive: true })
    await Promise.all(
      Array.from({ length: 1000 }, (_, n) => writeFile(workspace.path('in', name(i + n)), content(i + n))),
    )
  }
  const options = { cwd: workspace.path('in'), timeoutMs: 600_000 }
  for (const [what, switches] of Object.entries(SWITCHES)) {
    await runOk('7z', ['a', '-bd', ...switches, `${root}/${what}.7z`, '.'], options)
  }
  sshd = await startSshd(workspace)
  server = await startWebServer(root)
  workspace.onRemove(() => server.close())
}, 900_000)
afterAll(() => workspace?.remove())

const name = (i: number) => `${Math.floor(i / 1000)}/key ${i}`
const content = (i: number) =>
  Buffer.from(
    createHash('sha512')
      .update(`${i}`)
      .digest('hex')
      .slice(0, i % 129),
  )

const backends: [string, () => Store][] = [
  ['on a disk', () => openLocalStore({ root })],
  ['over SFTP', () => openSftpStore({ target: { host: sshd.alias }, root })],
  ['over HTTP', () => openHttpStore({ url: server.url })],
]

describe.each(Object.keys(SWITCHES))('100,000 members that 7z put into an archive %s', (what) => {
  test.each(backends)('are byte-identical %s', async (_where, open) => {
    const store = wrapped(open())
    const cache = new IndexCache({ directory: workspace.path('cache'), maxBytes: 1e9 })
    const archive = await Archive.open(store, `${what}.7z`, { cache })
    let read = 0
    const wrong: string[] = []
    // In the archive's order: a solid block is unpacked once.
    await forEachParallel(archive.members(), 8, async (member) => {
      const i = Number(member.name.split(' ')[1])
      if (member.name !== name(i) || !(await contentOf(archive, member)).equals(content(i))) wrong.push(member.name)
      read += 1
    })
    expect(wrong).toEqual([])
    expect(read).toBe(COUNT)
    for (let i = 0; i < COUNT; i += 997) expect((await archive.find(name(i)))?.size).toBe(content(i).length)
    await archive.close()
    await store.close()
  })
})
