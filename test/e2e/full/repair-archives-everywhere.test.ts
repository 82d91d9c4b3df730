import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { datasetDirectory } from '../../../src/ria/layout/paths.ts'
import type { Store } from '../../../src/store/store.ts'
import { makeArchive } from '../../support/archives/real-archive.ts'
import { type ArchiveProgram, installArchiveProgram, linesOfJson } from '../../support/programs/archive-program.ts'
import { type AnnexRepo, dataladClone, datasetId, makeDataset } from '../../support/repos/annex-repo.ts'
import { DAMAGES, placeOf } from '../../support/stores/damage.ts'
import { read, write } from '../../support/stores/stores.ts'
import { PLACES, type PlaceName } from '../../support/worlds/places.ts'
import { makeWorkspace, type Workspace } from '../../support/worlds/workspace.ts'

let workspace: Workspace
let program: ArchiveProgram
beforeAll(async () => {
  workspace = await makeWorkspace()
  program = await installArchiveProgram(workspace)
})
afterAll(() => workspace?.remove())

const contentOf = (name: string) => `what ${name} holds, `.repeat(20)
const FILES = ['one.dat', 'two.dat', 'three.dat']

interface Scene {
  readonly store: Store
  readonly directory: string
  readonly url: string
  readonly source: AnnexRepo
  readonly alias: string
  readonly riastore: (...args: string[]) => ReturnType<ArchiveProgram['run']>
}

/** Check finds these, and nothing after a repair that ends with `status`. Returns what it said. */
async function mendAll({ riastore, url, source }: Scene, kinds: readonly string[], name: string, status: number) {
  const found = await riastore('check', '--json', url)
  const findings = linesOfJson(found.stdout).filter(({ type }) => type === 'finding')
  expect([found.status, [...new Set(findings.map(({ check }) => check))].sort()]).toEqual([3, [...kinds].sort()])
  const words = ['--from', source.path, url, ...(name === '' ? [] : [name])]
  const mended = await riastore('repair', '--yes', ...words)
  expect([mended.status, mended.stderr], mended.stdout).toEqual([status, ''])
  const after = await riastore('check', '--data', url)
  expect([after.status, after.stderr], after.stdout).toEqual([0, ''])
  return mended.stdout
}

/** The end of an archive is lost, and an alias says nothing. */
async function tearArchive(scene: Scene): Promise<void> {
  const { store, directory, source } = scene
  const archive = `${directory}/archives/archive.7z`
  await write(store, archive, (await read(store, archive)).subarray(0, -40))
  await DAMAGES['alias-unreadable']?.({ store, directory, key: '' })
  // Nobody knows whose the alias was.
  const said = await mendAll(scene, ['alias-unreadable', 'archive-damaged'], '', 3)
  expect(said).toContain(`${FILES.length} of its keys came from ${source.path}`)
}

/** Somebody packed a key under a name for which no client looks, and what is no key. */
async function misplaceMember(scene: Scene): Promise<void> {
  const { store, directory, source } = scene
  const place = placeOf({ directory, key: await source.key('one.dat') })
  const name = `dataset/${place.slice(directory.length + 1)}`
  const files = new Map([
    [name, Buffer.from(contentOf('one.dat'))],
    ['README', Buffer.from('read me')],
  ])
  await write(store, `${directory}/archives/archive.7z`, await makeArchive(files, ['-mx0']))
  await store.remove(place)
  await mendAll(scene, ['archive-member'], '', 0)
  expect((await read(store, place)).toString()).toBe(contentOf('one.dat'))
}

/** The dataset says that it is another; named, it is moved there. */
async function sayOtherId(scene: Scene): Promise<void> {
  const { store, source, alias } = scene
  const other = randomUUID()
  await source.git('config', '-f', '.datalad/config', 'datalad.dataset.id', other)
  await source.datalad('save', '-m', 'Be another')
  await source.datalad('push', '--to', 'store')
  const said = await mendAll(scene, ['dataset-id'], `~${alias}`, 0)
  expect(said).toContain(`archive-id=${other}`)
  expect(await store.stat(`${datasetDirectory(other)}/ria-layout-version`)).toBeDefined()
}

const CASES: readonly (readonly [PlaceName, string])[] = [
  ['over ssh', 'riastore'],
  ['over SFTP without a shell', 'riastore'],
  ['in S3', 'riastore'],
  ['over ssh', 'stock DataLad'],
]

test.each(CASES)(
  '%s a torn archive, members and aliases of no use and a wrong id are mended in a store that %s made; then DataLad clones and gets all',
  async (place, maker) => {
    const isStock = maker !== 'riastore'
    const made = await PLACES[place](workspace)
    const { store } = made
    const url = isStock ? made.url : made.gitUrl
    const env = isStock ? workspace.stockEnv : made.env
    const here = `${place} ${maker}`.replaceAll(' ', '-')
    const source = await makeDataset(workspace, `source-${here}`, { env })
    const riastore = (...args: string[]) => program.run([...args, '--no-progress'], { env: made.env, cwd: source.path })
    const alias = isStock ? 'stock' : 'study' // both may be in one store
    const sibling = ['-s', 'store', '--new-store-ok', '--alias', alias, url]
    if (isStock) await source.datalad('create-sibling-ria', ...sibling)
    else expect(await riastore('create-sibling', ...sibling)).toMatchObject({ status: 0 })
    for (const file of FILES) await source.write(file, contentOf(file))
    await source.datalad('save', '-m', 'Add files')
    await source.datalad('push', '--to', 'store')
    const id = await datasetId(source)
    const packed = await riastore('archive', '--yes', url, id)
    expect([packed.status, packed.stderr]).toEqual([0, ''])

    const scene = { store, directory: datasetDirectory(id), url, source, alias, riastore }
    await tearArchive(scene)
    await misplaceMember(scene)
    await sayOtherId(scene)

    const clone = await dataladClone(workspace, `${url}#~${alias}`, `clone-${here}`, { env })
    await clone.datalad('get', '.')
    for (const file of FILES) expect((await clone.read(file)).toString(), file).toBe(contentOf(file))
    await clone.annex('fsck', '--quiet')
    await clone.annex('fsck', '--quiet', '--from', 'store-storage')
  },
)
