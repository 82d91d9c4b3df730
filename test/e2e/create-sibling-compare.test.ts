import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { isRoot } from '../support/programs/users.ts'
import { type AnnexRepo, datasetId, makeDataset } from '../support/repos/annex-repo.ts'
import { type Sshd, startSshd } from '../support/servers/sshd.ts'
import { startWebServer, type WebServer } from '../support/servers/web-server.ts'
import { variants } from '../support/shared/variants.ts'
import {
  copyOf,
  created,
  type StoredTree,
  settingsOf,
  storedTree,
  withoutAsked,
} from '../support/worlds/sibling-scene.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

let workspace: Workspace
let sshd: Sshd
let web: WebServer
let dataset: AnnexRepo
let directory: string
beforeAll(async () => {
  workspace = await makeWorkspace()
  sshd = await startSshd(workspace)
  web = await startWebServer('/')
  workspace.onRemove(() => web.close())
  dataset = await makeDataset(workspace, 'dataset')
  const id = await datasetId(dataset)
  directory = `${id.slice(0, 3)}/${id.slice(3)}`
})
afterAll(() => workspace?.remove())

const URLS = {
  file: (root: string) => `ria+file://${root}`,
  ssh: (root: string) => `ria+ssh://${sshd.alias}${root}`,
}

let count = 0

/** What DataLad's own command and ours make of the same dataset with the same options. */
async function both(url: (root: string) => string, options: readonly string[], storage: string | undefined) {
  count += 1
  const make = async (who: 'datalad' | 'riastore') => {
    const root = workspace.path(`store-${who}-${count}`)
    const repo = await copyOf(dataset, `${who}-${count}`)
    const args = ['-s', 'ria', '--new-store-ok', ...options.map((word) => word.replaceAll('ROOT', root)), url(root)]
    if (who === 'riastore') await created(repo, ...args)
    else await repo.with({ env: workspace.stockEnv }).datalad('create-sibling-ria', ...args)
    const uuid = storage === undefined ? undefined : await repo.uuid(storage)
    const settings = await settingsOf(repo, [
      [root, 'ROOT'],
      [uuid ?? '', 'UUID'],
    ])
    return { settings, tree: await storedTree(repo, root, directory, uuid) }
  }
  return { datalad: await make('datalad'), riastore: await make('riastore') }
}

/** docs/create-sibling.md lists these. */
const LOCK_FILE = 'config.dataladlock'

/** DataLad's tree with what we do in another way, and only that. */
function asOurs({ files, config }: StoredTree, ours: StoredTree, shared: boolean): StoredTree {
  const changed = { ...files }
  // DataLad leaves the lock of its own that it wrote the configuration under.
  delete changed[`${directory}/${LOCK_FILE}`]
  // A store's layout file is not meant to be written to.
  changed['ria-layout-version'] = files['ria-layout-version']?.replace(' 644 ', ' 444 ') ?? ''
  if (shared) {
    // DataLad makes these before git knows that they are shared, so that nobody else can add keys.
    const [prefix = ''] = directory.split('/')
    for (const path of [prefix, ...['annex', 'annex/objects', 'archives'].map((name) => `${directory}/${name}`)]) {
      if (files[path]) changed[path] = ours.files[path] ?? ''
    }
    changed[`${directory}/ria-layout-version`] = ours.files[`${directory}/ria-layout-version`] ?? ''
  }
  return { files: changed, config }
}

/** What is done on the server by other means; what is recorded here is the same. */
const DIFFERENT_OVER_SSH = variants(
  ['shared by a group'],
  ['without options', 'with an alias and a trust level', 'with a hook', 'shared by a group'],
)

/** What only some siblings have. */
const ALONE = ['with a storage sibling alone', 'shared by a group']

const group = isRoot ? ['--group', 'nogroup'] : []

describe.each(['file', 'ssh'] as const)(
  'what create-sibling-ria and create-sibling make over %s is the same',
  (scheme) => {
    const all = [
      ['without options', [], 'ria-storage'],
      ['with an alias and a trust level', ['--alias', 'named', '--trust-level', 'untrust'], 'ria-storage'],
      ['trusted, with a storage name', ['--trust-level', 'trust', '--storage-name', 'keys'], 'keys'],
      ['with a hook', ['--post-update-hook'], 'ria-storage'],
      ['without a storage sibling', ['--storage-sibling', 'off'], undefined],
      ['with a storage sibling alone', ['--storage-sibling', 'only'], 'ria'],
      ['shared by a group', ['--shared', 'group', ...group], 'ria-storage'],
      ['shared by all', ['--shared', 'all'], 'ria-storage'],
      ['shared by a mode', ['--shared', '0640'], 'ria-storage'],
    ] as const
    // What the others have is in these, or is the word for it alone (test/setup/sibling/).
    // The hook is there with the two URLs, too.
    const telling = ['with an alias and a trust level', 'without a storage sibling']
    const single = all.filter(([what]) => [...telling, ...ALONE].includes(what))
    const usual = scheme === 'file' ? variants(single, all) : all
    const here = scheme === 'file' ? usual : all.filter(([what]) => DIFFERENT_OVER_SSH.some((each) => each === what))

    test.each(here)('%s', async (what, options, storage) => {
      const { datalad, riastore } = await both(URLS[scheme], options, storage)
      expect(withoutAsked(riastore.settings)).toEqual(withoutAsked(datalad.settings))
      expect(riastore.tree).toEqual(asOurs(datalad.tree, riastore.tree, what.startsWith('shared')))
    })

    if (!variants(['file'], ['file', 'ssh']).includes(scheme)) return
    test('with a URL to read from and another one to write to', async () => {
      const url = (root: string) => `ria+${web.url}${root}`
      const { datalad, riastore } = await both(
        url,
        ['--post-update-hook', '--push-url', URLS[scheme]('ROOT')],
        'ria-storage',
      )
      expect(withoutAsked(riastore.settings)).toEqual(withoutAsked(datalad.settings))
      expect(riastore.settings.config).toContain(`remote.ria.url=${web.url}ROOT/${directory}`)
      expect(riastore.tree).toEqual(asOurs(datalad.tree, riastore.tree, false))
    })
  },
)

test('reconfigured by the other program, a sibling stays what it is', async () => {
  const root = workspace.path('store-both-ways')
  const args = ['-s', 'ria', '--new-store-ok', URLS.file(root)]
  const first = await copyOf(dataset, 'both-ways')
  await created(first, ...args)
  const uuid = await first.uuid('ria-storage')
  const before = await settingsOf(first)
  const stock = first.with({ env: workspace.stockEnv })
  await stock.datalad('create-sibling-ria', '--existing', 'reconfigure', ...args)
  expect(await first.uuid('ria-storage')).toBe(uuid)
  await created(first, '--existing', 'reconfigure', ...args)
  expect(await first.uuid('ria-storage')).toBe(uuid)
  const after = await settingsOf(first)
  expect(withoutAsked(after)).toEqual(withoutAsked(before))
})

test("HEAD of a new repository names the dataset's branch, so that git clone checks it out", async () => {
  const root = workspace.path('store-of-trunk')
  const repo = await copyOf(dataset, 'trunk')
  await repo.git('branch', '-q', '-m', 'trunk')
  await created(repo, '-s', 'ria', '--new-store-ok', URLS.ssh(root))
  await repo.git('push', '-q', 'ria', 'trunk')
  const branch = await repo.git('--git-dir', `${root}/${directory}`, 'symbolic-ref', 'HEAD')
  expect(branch.stdout).toBe('refs/heads/trunk\n')
})
