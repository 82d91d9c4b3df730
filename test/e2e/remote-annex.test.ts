import { createHash, randomUUID } from 'node:crypto'
import { access, readFile, stat, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AnnexHost } from '../support/programs/annex-host.ts'
import { systemPath } from '../support/programs/programs.ts'
import { runOk } from '../support/programs/run.ts'
import { AnnexRepo, makeAnnexRepo } from '../support/repos/annex-repo.ts'
import { expectNoStrays } from '../support/repos/expect-no-strays.ts'
import { addDataset, initRemote, makeRiaStore, type RiaDatasetFiles } from '../support/repos/ria-store.ts'
import { type Sshd, startSshd } from '../support/servers/sshd.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

/**
 * A directory with a git-annex that has git-remote-annex (10.20241031 or later, for external
 * remotes). Without one, what such a git-annex says is said by the test: taken down from `git push`
 * and `git clone annex::…` with git-annex 10.20250416.
 */
const newer = await newerGitAnnex(process.env.RIASTORE_TEST_GIT_ANNEX ?? systemPath)

let workspace: Workspace
let sshd: Sshd

beforeAll(async () => {
  workspace = await makeWorkspace()
  sshd = await startSshd(workspace)
})
afterAll(() => workspace?.remove())

async function newerGitAnnex(path: string): Promise<string | undefined> {
  for (const directory of path.split(delimiter)) {
    const found = await access(join(directory, 'git-remote-annex')).then(
      () => true,
      () => false,
    )
    if (found) return directory
  }
  return undefined
}

const storeUrl = (scheme: 'file' | 'ssh', root: string) =>
  `ria+${scheme}://${scheme === 'ssh' ? sshd.alias : ''}${root}`

describe.each(['file', 'ssh'] as const)('a git repository in a store on ria+%s', (scheme) => {
  const uuid = randomUUID()
  const manifest = `GITMANIFEST--${uuid}`
  let repo: AnnexRepo
  let dataset: RiaDatasetFiles
  let hosts: AnnexHost[]

  beforeAll(async () => {
    const store = await makeRiaStore(workspace.path(`store-${scheme}`))
    dataset = await addDataset(workspace, store)
    repo = await makeAnnexRepo(workspace, `repo-${scheme}`)
    const options = {
      gitDir: join(repo.path, '.git'),
      uuid,
      config: { url: storeUrl(scheme, store.root), 'archive-id': dataset.id },
    }
    hosts = await Promise.all([AnnexHost.prepared(workspace, options), AnnexHost.prepared(workspace, options)])
  })
  afterAll(() => Promise.all(hosts.map((host) => host.end())))

  const say = async (host: AnnexHost | undefined, line: string) => {
    expect(await host?.request(line)).toBe(line.replace(/^(\S+)( STORE| RETRIEVE)?( \S+).*$/, '$1-SUCCESS$2$3'))
  }

  async function temporary(name: string, content: string): Promise<string> {
    const path = workspace.path(`${scheme}-${name}`)
    await writeFile(path, content)
    return path
  }

  /** Uploads what is new as a bundle, and then the list of all bundles. */
  async function push(
    host: AnnexHost | undefined,
    bundles: readonly string[],
    ...revisions: string[]
  ): Promise<string> {
    const file = workspace.path(`${scheme}-bundle`)
    await repo.git('bundle', 'create', '-q', file, ...revisions)
    const content = await readFile(file)
    const bundle = `GITBUNDLE-s${content.length}--${uuid}-${createHash('sha256').update(content).digest('hex')}`
    await say(host, `TRANSFER STORE ${bundle} ${file}`)
    const list = await temporary('manifest', [...bundles, bundle].map((key) => `${key}\n`).join(''))
    for (const key of [manifest, `${manifest}.bak`]) {
      await say(host, `REMOVE ${key}`)
      await say(host, `TRANSFER STORE ${key} ${list}`)
    }
    return bundle
  }

  /** Downloads all bundles in the list and makes a repository of them. */
  async function clone(host: AnnexHost | undefined, name: string): Promise<AnnexRepo> {
    await say(host, `CHECKPRESENT ${manifest}`)
    // What an earlier download left, longer than the list is: nobody could tell that it is another
    // one.
    const list = await temporary('manifest-got', `${'stale '.repeat(100)}\n`)
    await say(host, `TRANSFER RETRIEVE ${manifest} ${list}`)
    const copy = new AnnexRepo(workspace, workspace.path(`${scheme}-${name}`))
    await runOk('git', ['init', '-q', copy.path], { env: workspace.env })
    for (const bundle of (await readFile(list, 'utf8')).split('\n').filter((line) => line !== '')) {
      const file = workspace.path(`${scheme}-bundle-got`)
      await writeFile(file, '')
      await say(host, `CHECKPRESENT ${bundle}`)
      await say(host, `TRANSFER RETRIEVE ${bundle} ${file}`)
      await copy.git('fetch', '-q', file, '+refs/heads/*:refs/remotes/origin/*')
    }
    return copy
  }

  const head = async (of: AnnexRepo, ref: string) => (await of.git('rev-parse', ref)).stdout

  test('is pushed and cloned as git-remote-annex does, and the list of bundles is never an old one', async () => {
    const [writer, reader] = hosts
    for (const key of [manifest, `${manifest}.bak`]) {
      expect(await reader?.request(`CHECKPRESENT ${key}`)).toBe(`CHECKPRESENT-FAILURE ${key}`)
    }
    await repo.add({ 'a.txt': 'a\n' })
    const first = await push(writer, [], 'main')
    expect(await head(await clone(reader, 'one'), 'origin/main')).toBe(await head(repo, 'main'))

    // The same reader, for which the list may have been in a cache, and a list that is longer.
    await repo.add({ 'b.txt': 'b\n' })
    const second = await push(writer, [first], 'main~1..main')
    expect(await head(await clone(reader, 'two'), 'origin/main')).toBe(await head(repo, 'main'))

    // A forced push that needs the earlier bundles no more: the list is shorter.
    await repo.git('commit', '-q', '--amend', '-m', 'Amended')
    const third = await push(reader, [], 'main')
    for (const bundle of [first, second]) await say(writer, `REMOVE ${bundle}`)
    expect(await head(await clone(writer, 'three'), 'origin/main')).toBe(await head(repo, 'main'))
    expect(await dataset.keys()).toEqual([third, manifest, `${manifest}.bak`].sort())
  })

  test('has its list of bundles overwritten in place as well', async () => {
    const [writer, reader] = hosts
    const got = workspace.path(`${scheme}-got`)
    for (const content of ['a long list of bundles\n', 'another\n', '']) {
      await say(writer, `TRANSFER STORE ${manifest} ${await temporary('list', content)}`)
      await say(reader, `TRANSFER RETRIEVE ${manifest} ${got}`)
      expect(await readFile(got, 'utf8')).toBe(content)
    }
  })

  test('is not taken from a bundle that is damaged, when riastore verifies', async () => {
    await repo.setConfig('remote.store.annex-uuid', uuid)
    await repo.setConfig('remote.store.riastore-verify', 'always')
    const host = await AnnexHost.prepared(workspace, {
      gitDir: join(repo.path, '.git'),
      uuid,
      config: { url: storeUrl(scheme, workspace.path(`store-${scheme}`)), 'archive-id': dataset.id },
    })
    const bundle = await push(host, [], 'main')
    const file = await dataset.keyFile(repo, bundle)
    const content = await readFile(file)
    content[content.length >> 1] = (content[content.length >> 1] ?? 0) ^ 1
    await writeFile(file, content)
    const got = workspace.path(`${scheme}-damaged`)
    const reply = await host.request(`TRANSFER RETRIEVE ${bundle} ${got}`)
    expect(reply).toMatch(/^TRANSFER-FAILURE RETRIEVE .*checksum/)
    await expect(stat(got)).rejects.toThrow('ENOENT')
    await host.end()
  })

  if (newer !== undefined) {
    test('is pushed and cloned with annex::', async () => {
      const env = { ...workspace.env, PATH: `${newer}${delimiter}${workspace.env.PATH}` }
      const store = await makeRiaStore(workspace.path(`annex-${scheme}`))
      const { id } = await addDataset(workspace, store)
      const source = await makeAnnexRepo(workspace, `source-${scheme}`, { env })
      await source.add({ 'a.txt': 'a\n' })
      const remote = await initRemote(source, storeUrl(scheme, store.root), id)
      await source.setConfig(`remote.${remote}.url`, 'annex::')
      await source.setConfig(`remote.${remote}.fetch`, '+refs/heads/*:refs/remotes/store/*')
      await source.annex('copy', '--to', remote, '.')
      await source.git('push', remote, 'main', 'git-annex')
      await source.add({ 'b.txt': 'b\n' })
      await source.annex('copy', '--to', remote, '.')
      await source.git('push', remote, 'main', 'git-annex')

      const settings = { encryption: 'none', type: 'external', externaltype: 'ora', 'archive-id': id }
      const query = new URLSearchParams({ ...settings, url: storeUrl(scheme, store.root) })
      const copy = new AnnexRepo(workspace, workspace.path(`annex-clone-${scheme}`), { env })
      await runOk('git', ['clone', '-q', `annex::${await source.uuid(remote)}?${query}`, copy.path], { env })
      await copy.annex('get', '.')
      expect((await copy.read('b.txt')).toString()).toBe('b\n')
      await expectNoStrays(store.dataset(id))
    })
  }
})
