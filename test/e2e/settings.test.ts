import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { explain } from '../support/programs/run.ts'
import { type AnnexRepo, cloneAnnexRepo, datasetId, makeAnnexRepo, makeDataset } from '../support/repos/annex-repo.ts'
import {
  addDataset,
  addRemote,
  initRemote,
  makeRiaStore,
  type RiaDatasetFiles,
  type RiaStore,
} from '../support/repos/ria-store.ts'
import { type Sshd, startSshd } from '../support/servers/sshd.ts'
import { variants } from '../support/shared/variants.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

let workspace: Workspace
let sshd: Sshd
let number = 0

let store: RiaStore
let dataset: RiaDatasetFiles
let repo: AnnexRepo

beforeAll(async () => {
  workspace = await makeWorkspace()
  sshd = await startSshd(workspace)
})
afterAll(() => workspace?.remove())

beforeEach(async () => {
  number += 1
  store = await makeRiaStore(workspace.path(`store-${number}`))
  dataset = await addDataset(workspace, store)
  repo = await makeAnnexRepo(workspace, `repo-${number}`)
  await repo.add({ 'a.txt': `a ${number}\n`, 'b.txt': `b ${number}\n` })
})

const fileUrl = (of = store) => `ria+file://${of.root}`
const sshUrl = (of = store) => `ria+ssh://${sshd.alias}${of.root}`

/** What the git-annex branch says of the special remote. */
async function committed(): Promise<string> {
  return (await repo.git('show', 'git-annex:remote.log')).stdout
}

/** Another store with the same dataset in it, empty. */
async function secondStore(): Promise<{ other: RiaStore; copy: RiaDatasetFiles }> {
  const other = await makeRiaStore(workspace.path(`other-${number}`))
  return { other, copy: await addDataset(workspace, other, { id: dataset.id }) }
}

describe('the store that is used', () => {
  test('is the one of the local ora-url, which is not committed, rather than the committed one', async () => {
    const remote = await addRemote(repo, fileUrl(), dataset.id)
    await rename(store.root, `${store.root}-moved`)
    await repo.setConfig(`remote.${remote}.ora-url`, `${fileUrl()}-moved`)
    await repo.annex('copy', '--to', remote, 'a.txt')
    expect(await readdir(`${store.root}-moved`)).toContain('error_logs')
    expect(await committed()).toContain(`url=${fileUrl()} `)
    expect(await committed()).not.toContain('-moved')
  })

  test('is not committed by enableremote when it came from the local ora-url', async () => {
    const remote = await initRemote(repo, fileUrl(), dataset.id)
    await repo.git('remote', 'remove', remote)
    await repo.setConfig(`remote.${remote}.ora-url`, sshUrl())
    await repo.enableRemote(remote)
    expect(await committed()).toContain(`url=${fileUrl()} `)
    expect(await committed()).not.toContain('ria+ssh')
    await sshd.forgetConnections()
    await repo.annex('copy', '--to', remote, 'a.txt')
    expect(await sshd.connections()).toBe(1)
  })

  test('is written to through push-url, and read through url', async () => {
    const { other, copy } = await secondStore()
    const remote = await initRemote(repo, fileUrl(), dataset.id, { settings: { 'push-url': sshUrl(other) } })
    await sshd.forgetConnections()
    await repo.annex('copy', '--to', remote, 'a.txt')
    expect(await sshd.connections()).toBe(1)
    expect(await copy.keys()).toHaveLength(1)
    expect(await dataset.keys()).toHaveLength(0)
    // Nothing is written now: it is asked about where it is read.
    await sshd.forgetConnections()
    expect((await repo.checkPresent('a.txt', remote)).presence).toBe('absent')
    expect(await sshd.connections()).toBe(0)
  })

  test('is written to through the local ora-push-url rather than the committed push-url', async () => {
    const { other, copy } = await secondStore()
    const remote = await initRemote(repo, fileUrl(), dataset.id, {
      settings: { 'push-url': 'ria+file:///nowhere/at/all' },
    })
    await repo.setConfig(`remote.${remote}.ora-push-url`, fileUrl(other))
    await repo.annex('copy', '--to', remote, 'a.txt')
    expect(await copy.keys()).toHaveLength(1)
    expect(await committed()).not.toContain(other.root)
  })

  test('needs its push-url only when something is written', async () => {
    const remote = await addRemote(repo, fileUrl(), dataset.id)
    await repo.annex('copy', '--to', remote, 'a.txt')
    await repo.annex('drop', 'a.txt')
    await repo.enableRemote(remote, 'push-url=ria+ssh://nobody.invalid/store')
    expect((await repo.checkPresent('a.txt', remote)).presence).toBe('present')
    await repo.annex('get', '--from', remote, 'a.txt')
    expect((await repo.read('a.txt')).toString()).toBe(`a ${number}\n`)
    const dropped = await repo.tryAnnex('drop', '--from', remote, 'a.txt')
    expect(dropped.status).toBe(1)
    expect(dropped.stdout + dropped.stderr).toContain('nobody.invalid')
    expect(await dataset.keys()).toHaveLength(1)
  })

  test('is found by a URL that git rewrites, and the rewritten one is committed', async () => {
    await repo.setConfig(`url.${fileUrl()}.insteadOf`, 'ria+ssh://nickname/store')
    const remote = await initRemote(repo, 'ria+ssh://nickname/store', dataset.id)
    await repo.annex('copy', '--to', remote, 'a.txt')
    expect(await dataset.keys()).toHaveLength(1)
    expect(await committed()).toContain(`url=${fileUrl()} `)
    expect(await committed()).not.toContain('nickname')
  })

  test('is found by the longest of several prefixes that git rewrites', async () => {
    await repo.setConfig('url.ria+file:///wrong.insteadOf', 'ria+ssh://nick')
    await repo.setConfig(`url.ria+file://${dirname(store.root)}/.insteadOf`, 'ria+ssh://nickname/')
    await initRemote(repo, `ria+ssh://nickname/store-${number}`, dataset.id)
    expect(await committed()).toContain(`url=${fileUrl()} `)
  })

  test('is rewritten for a clone that has another name for it', async () => {
    const remote = await addRemote(repo, fileUrl(), dataset.id)
    await repo.annex('copy', '--to', remote, 'a.txt')
    const clone = await cloneAnnexRepo(repo, `clone-${number}`)
    await clone.setConfig(`url.${sshUrl()}.insteadOf`, fileUrl())
    await clone.enableRemote(remote)
    await sshd.forgetConnections()
    await clone.annex('get', '--from', remote, 'a.txt')
    expect((await clone.read('a.txt')).toString()).toBe(`a ${number}\n`)
    expect(await sshd.connections()).toBe(1)
  })
})

describe('the identity of the dataset', () => {
  test('is the id of the DataLad dataset when nobody names it', async () => {
    const datalad = await makeDataset(workspace, `datalad-${number}`)
    const id = await datasetId(datalad)
    const files = await addDataset(workspace, store, { id })
    await datalad.add({ 'a.txt': 'a\n' })
    await datalad.annex(
      'initremote',
      'store',
      'type=external',
      'externaltype=ora',
      'encryption=none',
      `url=${fileUrl()}`,
    )
    await datalad.annex('copy', '--to', 'store', 'a.txt')
    expect(await files.keys()).toHaveLength(1)
    expect((await datalad.git('show', 'git-annex:remote.log')).stdout).toContain(`archive-id=${id}`)
  })

  test('is the annex uuid of the remote in a repository that is no dataset', async () => {
    const parameters = ['type=external', 'externaltype=ora', 'encryption=none', `url=${fileUrl()}`]
    const uuid = '1a2b3c4d-0000-4000-8000-00000000cafe'
    const files = await addDataset(workspace, store, { id: uuid })
    await repo.annex('initremote', 'store', ...parameters, `uuid=${uuid}`)
    await repo.annex('copy', '--to', 'store', 'a.txt')
    expect(await files.keys()).toHaveLength(1)
  })
})

describe('initremote', () => {
  const wrong: [string, () => string, RegExp][] = [
    ['there is no such store', () => `ria+file://${workspace.path('nowhere')}`, /nowhere/],
    ['the URL is none of a RIA store', () => `file://${store.root}`, /ria\+/],
    ['the URL has a scheme that nobody knows', () => `ria+gopher://${store.root}`, /gopher/],
    ['the server cannot be reached', () => 'ria+ssh://nobody.invalid/store', /nobody\.invalid/],
  ]
  // What each says: test/ria/url.test.ts, among others.
  test.each(variants(wrong.slice(0, 1), wrong))('fails with the reason when %s', async (_case, url, reason) => {
    const initremote = ['initremote', 'store', 'type=external', 'externaltype=ora', 'encryption=none']
    const result = await repo.tryAnnex(...initremote, `archive-id=${dataset.id}`, `url=${url()}`)
    expect(result.status, explain(result)).toBe(1)
    expect(result.stdout + result.stderr).toMatch(reason)
    expect(result.stderr).not.toMatch(/^\s+at /m)
  })

  test('fails when the dataset is not in the store, and makes nothing there', async () => {
    const id = '9f8e7d6c-0000-4000-8000-00000000cafe'
    await expect(initRemote(repo, fileUrl(), id)).rejects.toThrow(/9f8/)
    expect(await readdir(store.root)).not.toContain('9f8')
  })

  test('never shows a password that stands in a URL', async () => {
    const result = await repo.tryAnnex(
      'initremote',
      'store',
      'type=external',
      'externaltype=ora',
      'encryption=none',
      `archive-id=${dataset.id}`,
      'url=ria+ssh://somebody:s3cr3t@nobody.invalid/store',
    )
    expect(result.status).toBe(1)
    expect(result.stdout + result.stderr).not.toContain('s3cr3t')
  })

  test('can be repeated as enableremote', async () => {
    const remote = await initRemote(repo, fileUrl(), dataset.id)
    await repo.enableRemote(remote)
    await repo.enableRemote(remote, `url=${sshUrl()}`)
    await repo.annex('copy', '--to', remote, 'a.txt')
    expect(await dataset.keys()).toHaveLength(1)
  })
})

describe('a layout of unknown version', () => {
  const layoutFiles: [string, () => string][] = [
    ['of the store', () => join(store.root, 'ria-layout-version')],
    ['of the dataset', () => join(dataset.path, 'ria-layout-version')],
  ]
  test.each(layoutFiles)(
    '%s makes it read-only, with the reason, until ora-force-write',
    async (_which, layoutFile) => {
      const remote = await addRemote(repo, fileUrl(), dataset.id)
      await repo.annex('copy', '--to', remote, 'a.txt')
      await repo.annex('drop', 'a.txt')
      const before = await readFile(layoutFile())
      await writeFile(layoutFile(), '97\n')

      const copy = await repo.tryAnnex('copy', '--to', remote, 'b.txt')
      expect(copy.status).toBe(1)
      expect(copy.stdout + copy.stderr).toMatch(/97/)
      expect(copy.stdout + copy.stderr).toMatch(/read-only|ora-force-write/)
      expect(copy.stdout + copy.stderr).toContain(dirname(layoutFile()))
      await repo.annex('get', '--from', remote, 'a.txt')
      expect((await repo.tryAnnex('drop', '--from', remote, 'a.txt')).status).toBe(1)
      expect(await dataset.keys()).toHaveLength(1)

      await repo.setConfig(`remote.${remote}.ora-force-write`, 'true')
      await repo.annex('copy', '--to', remote, 'b.txt')
      await writeFile(layoutFile(), before)
      expect(await dataset.keys()).toHaveLength(2)
      expect((await repo.checkPresent('b.txt', remote)).presence).toBe('present')
    },
  )

  test('is written to with the older setting annex.ora-remote.<name>.force-write as well', async () => {
    const remote = await addRemote(repo, fileUrl(), dataset.id)
    await writeFile(join(dataset.path, 'ria-layout-version'), '97\n')
    expect((await repo.tryAnnex('copy', '--to', remote, 'a.txt')).status).toBe(1)
    await repo.setConfig(`annex.ora-remote.${remote}.force-write`, 'true')
    await repo.annex('copy', '--to', remote, 'a.txt')
    expect(await dataset.keys()).toHaveLength(1)
  })
})

describe('a store that wants error logs', () => {
  const schemes = ['file', 'ssh'] as const

  /** Something that is in the way: a file where a directory has to be. */
  async function putObstacle(file: string) {
    const place = await dataset.keyFile(repo, await repo.key(file))
    await rm(dirname(dirname(place)), { recursive: true, force: true })
    await mkdir(dirname(dirname(dirname(place))), { recursive: true })
    await writeFile(dirname(dirname(place)), 'in the way')
  }

  test.each(variants(['ssh'], schemes))(
    'gets them, over %s, one file for each dataset and storage sibling',
    async (scheme) => {
      await writeFile(join(store.root, 'ria-layout-version'), '1|l\n')
      const remote = await addRemote(repo, scheme === 'file' ? fileUrl() : sshUrl(), dataset.id)
      await putObstacle('a.txt')
      expect((await repo.tryAnnex('copy', '--to', remote, 'a.txt')).status).toBe(1)
      const log = join(store.root, 'error_logs', `${dataset.id}.${await repo.uuid(remote)}.log`)
      const first = await readFile(log, 'utf8')
      expect(first).toContain(await repo.key('a.txt'))
      // Another error comes after it.
      expect((await repo.tryAnnex('copy', '--to', remote, 'a.txt')).status).toBe(1)
      const second = await readFile(log, 'utf8')
      expect(second.startsWith(first)).toBe(true)
      expect(second.length).toBeGreaterThan(first.length)
    },
  )

  test('gets none from a clone that pays no attention to what it wants', async () => {
    await writeFile(join(store.root, 'ria-layout-version'), '1|l\n')
    const remote = await addRemote(repo, fileUrl(), dataset.id)
    await repo.setConfig(`remote.${remote}.ora-ignore-ria-config`, 'true')
    await putObstacle('a.txt')
    expect((await repo.tryAnnex('copy', '--to', remote, 'a.txt')).status).toBe(1)
    expect(await readdir(join(store.root, 'error_logs'))).toEqual([])
  })

  test('is the only kind of store that gets them', async () => {
    const remote = await addRemote(repo, fileUrl(), dataset.id)
    await putObstacle('a.txt')
    expect((await repo.tryAnnex('copy', '--to', remote, 'a.txt')).status).toBe(1)
    expect(await readdir(join(store.root, 'error_logs'))).toEqual([])
  })
})

describe('a second way to the same store (sameas)', () => {
  test('has the same keys, through its own URL and its own settings', async () => {
    const remote = await addRemote(repo, fileUrl(), dataset.id)
    const settings = ['type=external', 'externaltype=ora', `archive-id=${dataset.id}`, `url=${sshUrl()}`]
    await repo.annex('initremote', 'second', `--sameas=${remote}`, ...settings)
    await sshd.forgetConnections()
    await repo.annex('copy', '--to', 'second', 'a.txt')
    expect(await sshd.connections()).toBe(1)
    expect(await dataset.keys()).toHaveLength(1)
    expect((await repo.annex('whereis', 'a.txt')).stdout).toContain('(2 copies)')
    expect((await repo.checkPresent('a.txt', remote)).presence).toBe('present')
    await repo.annex('drop', 'a.txt')
    await repo.annex('get', '--from', remote, 'a.txt')
    await repo.annex('drop', '--from', 'second', 'a.txt')
    expect((await repo.checkPresent('a.txt', remote)).presence).toBe('absent')
  })
})

describe('a remote that was renamed', () => {
  test('uses the settings under its new name', async () => {
    const remote = await addRemote(repo, fileUrl(), dataset.id)
    await repo.git('remote', 'rename', remote, 'renamed').catch(() => {})
    await repo.setConfig('remote.renamed.ora-url', sshUrl())
    await sshd.forgetConnections()
    await repo.annex('copy', '--to', 'renamed', 'a.txt')
    expect(await sshd.connections()).toBe(1)
  })
})

describe('a setting that makes no sense', () => {
  const wrong = [
    ['riastore-stall-timeout', 'soon'],
    ['ora-url', 'not a url'],
    ['riastore-ssh', 'carrier-pigeon'],
    ['riastore-verify', 'perhaps'],
    ['ora-force-write', 'maybe'],
  ] as const
  // What each says: test/ria/settings/.
  test.each(variants(wrong.slice(0, 2), wrong))(
    '%s = %s is refused by its name and value, and nothing is reported absent',
    async (name, value) => {
      const remote = await addRemote(repo, fileUrl(), dataset.id)
      await repo.annex('copy', '--to', remote, 'a.txt')
      await repo.setConfig(`remote.${remote}.${name}`, value)
      const { presence, result } = await repo.checkPresent('a.txt', remote)
      expect(presence).toBe('unknown')
      expect(result.stderr).toContain(value)
      if (name !== 'ora-url') expect(result.stderr).toContain(name)
    },
  )
})
