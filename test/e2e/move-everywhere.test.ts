import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { objectsOf, riastore } from '../support/programs/console-double.ts'
import { runOk } from '../support/programs/run.ts'
import { openRiaStore, type RiaDatasetFiles } from '../support/repos/ria-store.ts'
import { commitTo, contentOf, historyOf, makeSampleStore } from '../support/repos/sample-store.ts'
import { variants } from '../support/shared/variants.ts'
import { PLACES } from '../support/worlds/places.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

let workspace: Workspace
const before = { ...process.env }

beforeAll(async () => {
  workspace = await makeWorkspace()
  Object.assign(process.env, workspace.env)
})
afterAll(async () => {
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name]
  Object.assign(process.env, before)
  await workspace?.remove()
})

const at = (name: string) => workspace.path(name)

async function ok(...words: string[]): Promise<Record<string, unknown>[]> {
  const ran = await riastore([...words, '--json'])
  expect([ran.code, ran.stderr], words.join(' ')).toEqual([0, ''])
  return objectsOf(ran, 'dataset')
}

const idsIn = async (store: string) => (await ok('ls', store)).map(({ dataset }) => dataset)

/** Without the commit that a move adds to git-annex's records. */
const branchesOf = async (dataset: RiaDatasetFiles) =>
  (await historyOf(workspace, dataset)).split('\n').filter((line) => /refs\/(heads\/main|tags)/.test(line))

test.each(variants(['over SFTP without a shell', 'in S3'], ['over SFTP without a shell', 'in S3', 'over ssh']))(
  '%s datasets are moved in and out, mirrored with --delete, and rid of unused keys, and come back from the trash',
  async (name) => {
    const { url: place, env } = await PLACES[name](workspace)
    Object.assign(process.env, env)
    const here = name.replaceAll(' ', '-')
    const { store, top, sub } = await makeSampleStore(workspace, `from-${here}`, 3)
    const { stdout } = await runOk('git', ['-C', top.path, 'config', 'datalad.ora-remote.uuid'], { env: workspace.env })
    const settings = `encryption=none externaltype=ora name=store-storage type=external url=ria+file://${store.root}`
    await commitTo(workspace, top, 'git-annex', { 'remote.log': `${stdout.trim()} ${settings} timestamp=1.5s\n` })
    const [content, branches] = [await contentOf(top), await branchesOf(top)]
    await ok('archive', '--yes', store.root, sub.id)

    // In: an archive, loose keys, an alias.
    const moved = await ok('move', '--yes', store.root, place)
    expect(moved.map(({ dataset, verified, problems }) => [dataset, verified, problems]).sort()).toEqual(
      [sub.id, top.id].sort().map((id) => [id, true, []]),
    )
    expect([await idsIn(store.root), (await idsIn(place)).sort()]).toEqual([[], [sub.id, top.id].sort()])
    expect((await riastore(['check', '--data', place])).code).toBe(0)

    // The original comes back, and is moved once more: its copy has all of it, and where it is.
    expect(moved.find(({ dataset }) => dataset === top.id)).toMatchObject({ recorded: true })
    await ok('restore', store.root, top.id)
    const again = await ok('move', '--yes', store.root, place, '~study')
    expect(again).toMatchObject([{ keys: 0, refs: 0, recorded: true, problems: [] }])

    // Out again.
    const back = at(`back-${here}`)
    await ok('move', '--yes', place, back, '~study')
    const copy = openRiaStore(back).dataset(top.id)
    expect([await contentOf(copy), await branchesOf(copy)]).toEqual([content, branches])
    expect(await idsIn(place)).toEqual([sub.id])
    expect(await ok('restore', place)).toMatchObject([{ dataset: top.id, aliases: ['study'] }])

    // As a mirror of what came back: a key that is gone there goes into the trash, and comes back.
    await ok('copy', back, place)
    const [gone = ''] = Object.keys(content).filter((path) => path.startsWith('annex/objects/'))
    await rm(join(copy.path, dirname(gone)), { recursive: true })
    expect(await ok('copy', '--delete', back, place, top.id)).toMatchObject([{ gone: { keys: 1 } }])
    expect(await ok('restore', place)).toContainEqual(expect.objectContaining({ dataset: top.id, keys: 1 }))
    await ok('restore', place, top.id)

    // No file has any of the keys; all are older than the newest commit.
    const later = { ...workspace, env: { ...workspace.env, GIT_COMMITTER_DATE: '@4000000000 +0000' } }
    await commitTo(later, copy, 'main', { 'LATER.md': 'later\n' })
    await ok('copy', back, place, top.id)
    const keys = Object.keys(content).filter((path) => path.startsWith('annex/objects/')).length
    const unused = ['unused', '--drop', '--yes', '--grace', '0s', place, top.id]
    expect(await ok(...unused)).toMatchObject([{ keys, dropped: keys }])
    expect(await ok(...unused)).toMatchObject([{ keys: 0, dropped: 0 }])
    await ok('restore', place, top.id)
    const found = await riastore(['check', '--data', '--json', place, top.id])
    expect([found.code, objectsOf(found, 'summary')]).toEqual([0, [expect.objectContaining({ checked: keys })]])
  },
)
