import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AnnexHost } from '../support/programs/annex-host.ts'
import { explain, type Result, runOk } from '../support/programs/run.ts'
import { isRoot } from '../support/programs/users.ts'
import { type AnnexRepo, makeAnnexRepo } from '../support/repos/annex-repo.ts'
import { expectNoStrays } from '../support/repos/expect-no-strays.ts'
import { addDataset, addRemote, makeRiaStore, type RiaDatasetFiles, type RiaStore } from '../support/repos/ria-store.ts'
import { type Sshd, startSshd } from '../support/servers/sshd.ts'
import { variants } from '../support/shared/variants.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

const MIB = 1024 * 1024

let workspace: Workspace
let sshd: Sshd

beforeAll(async () => {
  workspace = await makeWorkspace()
  sshd = await startSshd(workspace)
})
afterAll(() => workspace?.remove())

/** A small file system of its own. */
async function mountSmall(name: string, size: string): Promise<string> {
  const directory = workspace.path(name)
  await mkdir(directory)
  await runOk('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'riastore-test', directory])
  workspace.onRemove(async () => void (await runOk('umount', ['-l', directory])))
  return directory
}

/** A failure with a reason for people, which names the place. */
function expectFailed(result: Result, place: string, reason: RegExp) {
  const said = `${result.stdout}\n${result.stderr}`
  expect(result.status, explain(result)).toBe(1)
  expect(said).toContain(place)
  expect(said).toMatch(reason)
  expect(said).not.toMatch(/^\s+at /m)
}

const schemes = ['file', 'ssh'] as const

function storeUrl(scheme: (typeof schemes)[number], store: RiaStore): string {
  return scheme === 'file' ? `ria+file://${store.root}` : `ria+ssh://${sshd.alias}${store.root}`
}

describe.skipIf(!isRoot).each(schemes)('on ria+%s', (scheme) => {
  let disk: string
  let store: RiaStore
  let dataset: RiaDatasetFiles
  let repo: AnnexRepo
  const remote = 'store'

  beforeAll(async () => {
    disk = await mountSmall(`disk-${scheme}`, '6m')
    store = await makeRiaStore(join(disk, 'store'))
    dataset = await addDataset(workspace, store)
    repo = await makeAnnexRepo(workspace, `repo-${scheme}`)
    await repo.setConfig('annex.forward-retry', '0')
    await repo.add({ 'small.txt': 'small\n', 'too large.bin': randomBytes(16 * MIB), 'fits.bin': randomBytes(2 * MIB) })
    await addRemote(repo, storeUrl(scheme, store), dataset.id, remote)
  })

  test('a full disk fails an upload, says so, and everything that fits can still be stored', async () => {
    const result = await repo.tryAnnex('copy', '--to', remote, 'too large.bin')
    // An SFTP server has no word for a full disk.
    expectFailed(result, disk, scheme === 'file' ? /no space/i : /full|no space|failure/i)
    expect(await dataset.keys()).toEqual([])
    await expectNoStrays(dataset)
    expect((await repo.checkPresent('too large.bin', remote)).presence).toBe('absent')
    await repo.annex('copy', '--to', remote, 'small.txt', 'fits.bin')
    await repo.annex('fsck', '--from', remote, 'small.txt', 'fits.bin')
  })

  test('a file system that is read-only can be read, and refuses all changes with the reason', async () => {
    await runOk('mount', ['-o', 'remount,ro', disk])
    try {
      const reason = scheme === 'file' ? /read-only file system/i : /read-only|failure/i
      expectFailed(await repo.tryAnnex('drop', '--from', remote, 'small.txt'), disk, reason)
      await repo.annex('drop', 'small.txt')
      await repo.annex('get', '--from', remote, 'small.txt')
      expect((await repo.read('small.txt')).toString()).toBe('small\n')
      expect((await repo.checkPresent('small.txt', remote)).presence).toBe('present')
      expect((await repo.checkPresent('too large.bin', remote)).presence).toBe('absent')
      await repo.add({ 'later.txt': 'later\n' })
      expectFailed(await repo.tryAnnex('copy', '--to', remote, 'later.txt'), disk, reason)
    } finally {
      await runOk('mount', ['-o', 'remount,rw', disk])
    }
    await repo.annex('copy', '--to', remote, 'later.txt')
  })

  test('a full disk on our side fails a download, says so, and loses nothing', async () => {
    const here = await mountSmall(`here-${scheme}`, '12m')
    const clone = await makeAnnexRepo(workspace, join(`here-${scheme}`, 'clone'))
    await clone.setConfig('annex.forward-retry', '0')
    await clone.setConfig('annex.diskreserve', '0')
    await clone.git('pull', '-q', '--allow-unrelated-histories', repo.path, 'HEAD')
    await clone.git('fetch', '-q', repo.path, 'git-annex:refs/remotes/origin/git-annex')
    await clone.enableRemote(remote)
    // git-annex looks for room before it asks for a file; this takes the room away after that.
    const program = await AnnexHost.prepared(workspace, {
      gitDir: join(clone.path, '.git'),
      config: { name: remote, 'archive-id': dataset.id, url: storeUrl(scheme, store) },
    })
    await writeFile(join(here, 'ballast'), randomBytes(10.5 * MIB)).catch(() => {})
    const key = await repo.key('fits.bin')
    const got = join(here, 'got')
    const reply = await program.request(`TRANSFER RETRIEVE ${key} ${got}`)
    expect(reply).toMatch(new RegExp(`^TRANSFER-FAILURE RETRIEVE ${key} .*(${got}|${key}).*no space`, 'i'))
    // The next one is served.
    expect(await program.request(`CHECKPRESENT ${key}`)).toBe(`CHECKPRESENT-SUCCESS ${key}`)
    expect((await program.end()).status).toBe(0)
  })
})

describe.each(variants(['ssh'], schemes))('names on ria+%s', (scheme) => {
  let store: RiaStore
  let dataset: RiaDatasetFiles
  let repo: AnnexRepo
  const remote = 'store'

  beforeAll(async () => {
    store = await makeRiaStore(workspace.path(`names-${scheme}`))
    dataset = await addDataset(workspace, store)
    repo = await makeAnnexRepo(workspace, `names-repo-${scheme}`)
    await addRemote(repo, storeUrl(scheme, store), dataset.id, remote)
    await repo.setConfig('annex.security.allow-unverified-downloads', 'ACKTHPPT')
  })

  function host() {
    const config = { name: remote, 'archive-id': dataset.id, url: storeUrl(scheme, store) }
    return AnnexHost.prepared(workspace, { gitDir: join(repo.path, '.git'), config, uuid: randomUUID() })
  }

  test('a key whose name is too long for the file system is refused with the reason, and others are served', async () => {
    const key = `WORM-s3--${'k'.repeat(300)}`
    const program = await host()
    const file = workspace.path('three bytes')
    await writeFile(file, 'abc')
    const stored = await program.request(`TRANSFER STORE ${key} ${file}`)
    expect(stored).toMatch(new RegExp(`^TRANSFER-FAILURE STORE ${key} .`))
    if (scheme === 'file') expect(stored).toMatch(/too long/i)
    const present = await program.request(`CHECKPRESENT ${key}`)
    expect(
      present === `CHECKPRESENT-FAILURE ${key}` || present?.startsWith(`CHECKPRESENT-UNKNOWN ${key} `),
      present,
    ).toBe(true)
    expect(await program.request(`TRANSFER STORE WORM-s3--short ${file}`)).toBe('TRANSFER-SUCCESS STORE WORM-s3--short')
    expect(await program.request(`TRANSFER STORE WORM-s3--short ${file}`)).toBe('TRANSFER-SUCCESS STORE WORM-s3--short')
    expect(await program.request('REMOVE WORM-s3--short')).toBe('REMOVE-SUCCESS WORM-s3--short')
    expect((await program.end()).stderr).toBe('')
    await expectNoStrays(dataset)
  })

  test('keys of odd bytes are stored, found, got back and removed, or refused with the reason', async () => {
    const program = await host()
    const content = randomBytes(5000)
    const file = workspace.path('five thousand bytes')
    await writeFile(file, content)
    const names = [
      'tab\there',
      "quote'",
      'dollar$(x)`y`',
      'star*?[a]',
      'back\\slash',
      '#hash',
      '-dash',
      '%&:',
      '&a&s&c',
      'end.',
    ]
    const bytes = ['\xff\xfe', 'caf\xe9']
    // In UTF-8, written as bytes.
    for (const name of [...names, '\xc3\xa4', ...(scheme === 'file' ? bytes : [])]) {
      const key = `WORM-s5000--${name}`
      expect(await program.request(`TRANSFER STORE ${key} ${file}`)).toBe(`TRANSFER-SUCCESS STORE ${key}`)
      expect(await program.request(`CHECKPRESENT ${key}`)).toBe(`CHECKPRESENT-SUCCESS ${key}`)
      const got = workspace.path(`got-${scheme}-${randomUUID()} with spaces`)
      expect(await program.request(`TRANSFER RETRIEVE ${key} ${got}`)).toBe(`TRANSFER-SUCCESS RETRIEVE ${key}`)
      await runOk('cmp', [got, file])
      expect(await program.request(`REMOVE ${key}`)).toBe(`REMOVE-SUCCESS ${key}`)
      expect(await program.request(`CHECKPRESENT ${key}`)).toBe(`CHECKPRESENT-FAILURE ${key}`)
    }
    for (const name of scheme === 'file' ? [] : bytes) {
      const key = `WORM-s5000--${name}`
      expect(await program.request(`TRANSFER STORE ${key} ${file}`)).toMatch(
        /^TRANSFER-FAILURE STORE .*: the name is not UTF-8/,
      )
      expect(await program.request(`CHECKPRESENT ${key}`)).toMatch(/^CHECKPRESENT-UNKNOWN .*: the name is not UTF-8/)
    }
    expect((await program.end()).stderr).toBe('')
    expect(await dataset.keys()).toEqual([])
  })

  test('a file whose name is no UTF-8 is stored and got back by git-annex', async () => {
    const name = Buffer.from('caf\xe9 \xff.dat', 'latin1')
    await writeFile(Buffer.concat([Buffer.from(`${repo.path}/`), name]), 'odd\n')
    await repo.annex('add', '--backend=WORM', '.')
    await repo.git('commit', '-q', '-m', 'Add an odd name')
    await repo.annex('copy', '--to', remote, '.')
    expect(await dataset.keys()).toHaveLength(1)
    await repo.annex('drop', '.')
    await repo.annex('get', '--from', remote, '.')
    await repo.annex('fsck', '--from', remote, '.')
    await repo.annex('drop', '--from', remote, '.')
    expect(await dataset.keys()).toEqual([])
  })
})
