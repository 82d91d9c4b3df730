import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { keyPaths } from '../../../../src/ria/layout/paths.ts'
import { openLocalStore } from '../../../../src/store/local/local.ts'
import type { Store } from '../../../../src/store/store.ts'
import { objectsOf, riastore } from '../../../support/programs/console-double.ts'
import { annexLink, commitFiles } from '../../../support/repos/memory-repository.ts'
import { startSshd } from '../../../support/servers/sshd.ts'
import { temporaryDirectory, write } from '../../../support/stores/stores.ts'
import { makeWorkspace, type Workspace } from '../../../support/worlds/workspace.ts'

const ID = '6d69ca68-7e85-11e6-904c-002590f97d84'
const DIRECTORY = '6d6/9ca68-7e85-11e6-904c-002590f97d84'
const OTHER_ID = '77777777-7e85-11e6-904c-002590f97d84'
const OTHER = '777/77777-7e85-11e6-904c-002590f97d84'
const CONTENT = Buffer.from('water levels\n')
const KEY = `MD5E-s${CONTENT.length}--${createHash('md5').update(CONTENT).digest('hex')}.dat`
const PLACE = keyPaths(DIRECTORY, '2', KEY)[0] ?? ''

/** A store with a dataset that has a key and a subdataset, which is in the store, too. */
async function fill(store: Store): Promise<void> {
  await write(store, 'ria-layout-version', '1\n')
  await write(store, `${DIRECTORY}/ria-layout-version`, '2\n')
  await write(store, PLACE, CONTENT)
  await commitFiles(store, DIRECTORY, {
    'README.md': '# Rivers\n',
    'levels.dat': annexLink(KEY),
    parts: { commit: '1'.repeat(40) },
    '.gitmodules': `[submodule "s"]\n\tpath = parts\n\turl = ./x\n\tdatalad-id = ${OTHER_ID}\n`,
  })
  await write(store, `${OTHER}/ria-layout-version`, '2\n')
  await commitFiles(store, OTHER, { 'README.md': '# Mountains\n' })
}

describe('on a disk', () => {
  let directory: Awaited<ReturnType<typeof temporaryDirectory>>
  let root: string
  let place: string
  let store: Store

  beforeEach(async () => {
    directory = await temporaryDirectory()
    root = join(directory.path, 'store')
    place = join(directory.path, 'pages')
    await mkdir(root)
    store = openLocalStore({ root })
    await fill(store)
    return async () => {
      await store.close()
      await directory.remove()
    }
  })

  const page = (name: string) => readFile(join(place, name), 'utf8')

  test('a directory is made with the pages, and the same command again writes nothing', async () => {
    const first = await riastore(['catalog', '--json', root, place])
    expect([first.code, first.stderr]).toEqual([0, ''])
    expect(objectsOf(first, 'dataset')).toHaveLength(2)
    expect(objectsOf(first, 'summary')).toMatchObject([{ action: 'catalog', datasets: 2, failed: 0, dryRun: false }])
    const top = await page(`d/${ID}/index.html`)
    expect(top).toContain(`datalad clone 'ria+file://${root}#${ID}'`)
    expect(top.match(new RegExp(`<a href="../${OTHER_ID}/index.html">parts</a>`, 'g'))).toHaveLength(2)
    const again = await riastore(['catalog', '--json', root, place])
    expect(objectsOf(again, 'summary')).toMatchObject([{ datasets: 2, written: 0, removed: 0 }])
  })

  test('a dataset that went is taken out, also of the pages that led there', async () => {
    await riastore(['catalog', root, place])
    expect(await riastore(['rm', root, OTHER_ID, '--force', '--yes'])).toMatchObject({ code: 0, stderr: '' })
    const { code, stdout } = await riastore(['catalog', root, place])
    expect([code, stdout]).toEqual([0, expect.stringContaining(`1 dataset in ${place}: `)])
    expect(await readdir(join(place, 'd'))).toEqual([ID])
    expect(await page(`d/${ID}/index.html`)).not.toContain(OTHER_ID)
  })

  test('only what is public by an access file is in it', async () => {
    const access = join(directory.path, 'access.json')
    await writeFile(access, JSON.stringify({ public: [ID], users: { ada: ['*'] } }))
    await riastore(['catalog', root, place])
    expect((await riastore(['catalog', root, place, '--access', access])).code).toBe(0)
    expect(await readdir(join(place, 'd'))).toEqual([ID])
    for (const name of ['index.html', `d/${ID}/index.html`]) expect(await page(name)).not.toMatch(/Mountains|77777777/)
  })

  test('a store takes its own catalogue, which nothing of it is disturbed by', async () => {
    expect((await riastore(['archive', root, OTHER_ID, '--yes'])).code).toBe(0)
    expect(await riastore(['catalog', root, root])).toMatchObject({ code: 0, stderr: '' })
    place = join(root, 'catalog')
    expect(await page(`d/${ID}/index.html`)).toContain(`<a href="../../../${PLACE}" download="levels.dat">`)
    expect(await readFile(join(place, `d/${ID}`, '../../..', PLACE))).toEqual(CONTENT)
    expect(await riastore(['check', root])).toMatchObject({ code: 0, stderr: '' })
    const listed = await riastore(['ls', '--json', root])
    expect(objectsOf(listed, 'dataset')).toHaveLength(2)
    expect(await riastore(['gc', root, '--all'])).toMatchObject({ code: 0, stderr: '' })
    const again = await riastore(['catalog', '--json', root, root])
    expect(objectsOf(again, 'summary')).toMatchObject([{ datasets: 2, written: 0, removed: 0 }])
  })

  test('what is wrong gets one line, and nothing is written', async () => {
    await writeFile(join(directory.path, 'mine'), 'mine')
    const wrong: readonly (readonly [words: readonly string[], code: number, message: RegExp])[] = [
      [[root, directory.path], 2, /has something in it and is no catalogue/],
      [[root, place, '--presign', '1d'], 2, /--presign is for stores in S3 only/],
      [[root, place, '--serve-url', 'javascript:alert(1)'], 2, /--serve-url is no https:\/\/ or http:\/\/ URL/],
      [[root, place, '--public-url', 'https://me:secret@host/'], 2, /--public-url is no/],
      [[root, place, '--clone-url', 'https://host/'], 2, /does not start with ria\+/],
      [[root, place, '--access', join(directory.path, 'none')], 2, /there is no /],
      [[root, 'ria+http://127.0.0.1:1/store'], 2, /nothing can be written to/],
      [[`ria+file://${root}#${ID}`, place], 2, /a catalogue is of a whole store/],
      [[place, root], 4, /there is no RIA store/],
    ]
    for (const [words, code, message] of wrong) {
      const ran = await riastore(['catalog', ...words])
      expect([ran.code, ran.stderr], words.join(' ')).toEqual([code, expect.stringMatching(message)])
      expect(ran.stderr.split('\n')).toHaveLength(2)
      expect(ran.stderr).not.toContain('secret')
    }
    expect(await readdir(directory.path)).toEqual(expect.not.arrayContaining(['pages', 'catalogue.json']))
    const dry = await riastore(['catalog', '-n', root, place])
    expect([dry.code, dry.stdout]).toEqual([0, expect.stringMatching(/pages would be written/)])
    expect(await readdir(directory.path)).not.toContain('pages')
  })

  test('an append-only store takes none', async () => {
    await write(store, 'ria-layout-version', '1|a\n')
    expect(await riastore(['catalog', root, root])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/append-only/),
    })
    expect(await readdir(root)).not.toContain('catalog')
  })
})

describe.each([
  ['ssh', []],
  ['SFTP without a shell', ['ForceCommand internal-sftp']],
] as const)('over %s', (_how, config) => {
  let workspace: Workspace
  let root: string
  let url: string

  beforeAll(async () => {
    workspace = await makeWorkspace()
    root = workspace.path('store')
    await mkdir(root)
    const { alias } = await startSshd(workspace, { config })
    url = `ria+${config.length === 0 ? 'ssh' : 'sftp'}://${alias}${root}`
    const before = process.env.PATH
    process.env.PATH = workspace.env.PATH // `ssh` is a wrapper there, with a configuration of its own
    const store = openLocalStore({ root })
    await fill(store)
    await store.close()
    return async () => {
      process.env.PATH = before
      await workspace.remove()
    }
  })

  test('a store is read, and a catalogue in it is written and brought up to date, as on a disk', async () => {
    const [here, there] = [workspace.path('pages'), join(root, 'catalog')]
    const local = await riastore(['catalog', url, here])
    expect([local.code, local.stderr]).toEqual([0, ''])
    const first = await riastore(['catalog', '--json', url, url])
    expect([first.code, first.stderr]).toEqual([0, ''])
    const names = async (place: string) => (await readdir(place, { recursive: true })).sort()
    expect(await names(there)).toEqual(await names(here))
    const again = await riastore(['catalog', '--json', url, url])
    expect(objectsOf(again, 'summary')).toMatchObject([{ datasets: 2, written: 0, removed: 0 }])
    await rm(join(root, OTHER), { recursive: true })
    const gone = await riastore(['catalog', '--json', url, url])
    expect(objectsOf(gone, 'summary')).toMatchObject([{ datasets: 1, failed: 0 }])
    expect(await readdir(join(there, 'd'))).toEqual([ID])
    expect(await readFile(join(there, 'index.html'), 'utf8')).not.toContain(OTHER_ID)
  })
})
