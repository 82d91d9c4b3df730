import { randomBytes } from 'node:crypto'
import { chmod, mkdir, stat, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bufferSource } from '../../src/core/source.ts'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { runOk } from '../support/programs/run.ts'
import { isRoot } from '../support/programs/users.ts'
import { type AnnexRepo, assortedFiles, makeAnnexRepo } from '../support/repos/annex-repo.ts'
import { expectNoStrays } from '../support/repos/expect-no-strays.ts'
import { addDataset, initRemote, makeRiaStore, type RiaDatasetFiles } from '../support/repos/ria-store.ts'
import { type Sshd, startSshd } from '../support/servers/sshd.ts'
import { variants } from '../support/shared/variants.ts'
import { listed, read } from '../support/stores/stores.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

/**
 * OpenSSH's own server, told to do without what it has beyond version 3 of the protocol: so does
 * many another server.
 */
const WITHOUT_EXTENSIONS =
  'posix-rename,statvfs,fstatvfs,hardlink,fsync,lsetstat,limits,expand-path,copy-data,home-directory,users-groups-by-id'

/** root is refused nothing. */
const ACCOUNT = 'nobody'
const files = assortedFiles()

let workspace: Workspace
let sshd: Sshd
let repo: AnnexRepo
let dataset: RiaDatasetFiles
let root: string

beforeAll(async () => {
  workspace = await makeWorkspace()
  process.env.PATH = workspace.env.PATH // `ssh` is a wrapper there, with a configuration of its own
  const config = [`ForceCommand internal-sftp -P ${WITHOUT_EXTENSIONS}`]
  sshd = await startSshd(workspace, { config, ...(isRoot && { user: ACCOUNT }) })
  root = workspace.path('store')
  dataset = await addDataset(workspace, await makeRiaStore(root))
  await mkdir(workspace.path('bare'))
  if (isRoot) await runOk('chown', ['-R', ACCOUNT, root, workspace.path('bare')])
  repo = await makeAnnexRepo(workspace, 'repo')
  await repo.add(files)
})
afterAll(() => workspace?.remove())

describe('a server that is nothing but SFTP version 3, without any extension,', () => {
  let store: Store
  beforeAll(async () => {
    const target = { host: sshd.alias }
    store = await openStore({ scheme: 'ssh', path: workspace.path('bare'), target }, { stallMs: 30_000, ssh: 'auto' })
    workspace.onRemove(() => store.close())
  })

  const put = (path: string, content: Uint8Array | string, temporary = 'transfer') =>
    store.put(path, bufferSource(content), { temporary })
  /** Temporary files that have content: an empty one waits for the next upload. */
  const leftovers = async () => (await listed(store.list('transfer'))).filter(({ size }) => size > 0)

  test('does not tell of free space, and is `unsupported` to rename files', async () => {
    expect(await store.freeBytes('')).toBeUndefined()
    await put('from', 'content')
    await expect(store.move('from', 'to')).rejects.toMatchObject({ kind: 'unsupported' })
  })

  test('stores, replaces and removes files', async () => {
    for (const content of ['first', 'the second', '3rd']) {
      expect((await put('a/key', content)).size).toBe(content.length)
      expect((await read(store, 'a/key')).toString()).toBe(content)
    }
    expect(await leftovers()).toEqual([])
    await store.remove('a/key')
    expect(await store.stat('a/key')).toBeUndefined()
  })

  test('ends up with one whole file when several replace it at once', async () => {
    await put('b/key', 'old')
    const contents = Array.from({ length: 6 }, (_, i) => randomBytes(50_000 + i))
    await Promise.all(contents.map((content) => put('b/key', content)))
    const winner = await read(store, 'b/key')
    expect(contents.filter((content) => content.equals(winner))).toHaveLength(1)
    expect(await leftovers()).toEqual([])
  })

  test('replaces a file in a directory that git-annex left read-only, and leaves it so', async () => {
    await put('d/key', 'old')
    await chmod(workspace.path('bare/d'), 0o555)
    await put('d/key', 'new')
    expect((await read(store, 'd/key')).toString()).toBe('new')
    expect((await stat(workspace.path('bare/d'))).mode & 0o777).toBe(0o555)
  })

  test.skipIf(!isRoot)('keeps the file that is there when the new one cannot take its place', async () => {
    await put('c/key', 'old')
    const directory = workspace.path('bare/elsewhere')
    await mkdir(directory)
    // A file cannot be renamed from one file system to another.
    await runOk('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=777', 'riastore-test', directory])
    try {
      await expect(put('c/key', 'new', 'elsewhere')).rejects.toMatchObject({ kind: 'denied' })
      expect((await read(store, 'c/key')).toString()).toBe('old')
    } finally {
      await runOk('umount', ['-l', directory])
    }
  })

  test.each(variants(['ssh2'], ['ssh2', 'openssh']))('serves git-annex through %s', async (channel) => {
    const remote = await initRemote(repo, `ria+ssh://${sshd.alias}${root}`, dataset.id, { name: channel })
    await repo.setConfig(`remote.${remote}.riastore-ssh`, channel)
    await repo.annex('copy', '-J4', '--to', remote, '.')
    await expectNoStrays(dataset)
    await repo.annex('fsck', '--fast', '--from', remote, '.')
    await repo.annex('drop', '.')
    await repo.annex('get', '-J4', '--from', remote, '.')
    for (const [file, content] of Object.entries(files)) {
      expect((await repo.read(file)).equals(Buffer.from(content)), file).toBe(true)
    }
    await repo.annex('drop', '--from', remote, '.')
    for (const file of Object.keys(files)) {
      expect((await repo.checkPresent(file, remote)).presence, file).toBe('absent')
    }
  })
})

describe('a server that says of what exists that it exists, as ProFTPD does,', () => {
  /**
   * Stands between us and OpenSSH's server, and puts SFTP version 6's status 11 for each plain
   * failure.
   */
  const BETWEEN = `
    const { spawn } = require('node:child_process')
    const server = spawn('/usr/lib/openssh/sftp-server', ['-P', '${WITHOUT_EXTENSIONS}'], { stdio: ['pipe', 'pipe', 'inherit'] })
    process.stdin.pipe(server.stdin)
    let rest = Buffer.alloc(0)
    server.stdout.on('data', (chunk) => {
      rest = Buffer.concat([rest, chunk])
      while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
        const end = 4 + rest.readUInt32BE(0)
        if (rest[4] === 101 && rest.readUInt32BE(9) === 4) rest.writeUInt32BE(11, 9)
        process.stdout.write(rest.subarray(0, end))
        rest = rest.subarray(end)
      }
    })
    server.on('exit', () => process.exit())
  `

  test('stores files in directories that exist, replaces them, and knows which are there', async () => {
    const script = workspace.path('between.cjs')
    await writeFile(script, BETWEEN)
    const server = await startSshd(workspace, { config: [`ForceCommand ${process.execPath} ${script}`] })
    const path = workspace.path('exists')
    await mkdir(`${path}/a/b`, { recursive: true })
    const location = { scheme: 'ssh', path, target: { host: server.alias } } as const
    const store = await openStore(location, { stallMs: 30_000, ssh: 'auto' })
    workspace.onRemove(() => store.close())
    for (const content of ['first', 'second']) {
      await store.put('a/b/key', bufferSource(content), { temporary: 'transfer' })
      expect((await read(store, 'a/b/key')).toString()).toBe(content)
    }
    const again = store.put('a/b/key', bufferSource('third'), { ifAbsent: true })
    await expect(again).rejects.toMatchObject({ kind: 'conflict' })
    expect((await read(store, 'a/b/key')).toString()).toBe('second')
  })
})
