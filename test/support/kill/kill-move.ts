import { mkdir } from 'node:fs/promises'
import { expect } from 'vitest'
import { checkDataset } from '../../../src/admin/check/check-dataset.ts'
import type { Problem } from '../../../src/admin/check/problem.ts'
import { SeenGood } from '../../../src/admin/check/seen-good.ts'
import { findAlsoMoved, halfMoved } from '../../../src/admin/move/finish-move.ts'
import { moveDataset } from '../../../src/admin/move/move-dataset.ts'
import { lastEntry } from '../../../src/admin/trash/entry.ts'
import { restoreDataset } from '../../../src/admin/trash/restore-dataset.ts'
import { parseRemoteLog } from '../../../src/core/records/annex-logs.ts'
import { listAliases, setAlias } from '../../../src/git/alias.ts'
import { openAnnexRecords } from '../../../src/git/annex-records.ts'
import { stateOf } from '../../../src/git/copy-refs.ts'
import { LAYOUT_FILE } from '../../../src/ria/layout/paths.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import type { Store, StoreTraits } from '../../../src/store/store.ts'
import { annexLink, commitFiles } from '../repos/memory-repository.ts'
import { dyingTogether } from '../stores/dying-store.ts'
import { CONTENT, DIRECTORY, ID, KEY, PLACE, UUID } from '../stores/memory-dataset.ts'
import { read, withMethods, write } from '../stores/stores.ts'
import type { Workspace } from '../worlds/workspace.ts'

const [OLD, NEW] = ['ria+file:///old', 'ria+file:///new']
const REMOTE = `${UUID} encryption=none externaltype=ora name=store-storage type=external url=${OLD} timestamp=1.5s\n`

interface Scene {
  readonly from: Store
  readonly to: Store
  /** Where main is. */
  readonly main: string
}

let scenes = 0
async function openDisk(workspace: Workspace, traits: Partial<StoreTraits>): Promise<Store> {
  scenes += 1
  const root = workspace.path(`disk-${scenes}`)
  await mkdir(root)
  const local = openLocalStore({ root })
  return Object.defineProperty(withMethods(local, {}), 'traits', { value: { ...local.traits, ...traits } }) as Store
}

/** Kinds of stores that differ in how a dataset is copied into them, and goes. */
export const KINDS: Readonly<Record<string, Partial<StoreTraits>>> = {
  // We keep the refs there, and a dataset goes file by file.
  'where no program can be run': { exec: false, movesDirectories: false },
  // git keeps the refs, and a dataset goes in one step.
  'on disks': {},
}

async function makeScene(workspace: Workspace, traits: Partial<StoreTraits>): Promise<Scene> {
  const [from, to] = [await openDisk(workspace, traits), await openDisk(workspace, traits)]
  for (const store of [from, to]) await write(store, LAYOUT_FILE, '1\n')
  await write(from, `${DIRECTORY}/${LAYOUT_FILE}`, '2\n')
  const config = `[core]\n\trepositoryformatversion = 0\n\tbare = true\n[datalad "ora-remote"]\n\tuuid = ${UUID}\n`
  await write(from, `${DIRECTORY}/config`, config)
  await write(from, PLACE, CONTENT)
  await commitFiles(from, DIRECTORY, { 'remote.log': REMOTE }, { branch: 'git-annex' })
  const said = `[datalad "dataset"]\n\tid = ${ID}\n`
  const main = await commitFiles(from, DIRECTORY, { 'x.dat': annexLink(KEY), '.datalad/config': said })
  await setAlias(new StoredDataset(from, DIRECTORY, ID), 'study')
  return { from, to, main }
}

/** As the command does. */
async function move(from: Store, to: Store, name: string): Promise<unknown> {
  const given = await findAlsoMoved(NEW)(from, name)
  const options = { aliases: await listAliases(from), aliasesThere: await listAliases(to) }
  const place = { url: NEW, old: [OLD] }
  return moveDataset(given, to, { ...options, place, keepMs: 1e9, breakLock: true })
}

/** Whether the dataset is seen in a store: then all of it has to be there. */
async function isWholeIn(workspace: Workspace, store: Store, { main }: Scene, at: string): Promise<boolean> {
  const dataset = new StoredDataset(store, DIRECTORY, ID)
  if ((await store.stat(`${DIRECTORY}/${LAYOUT_FILE}`)) === undefined) return false
  expect(await read(store, PLACE), at).toEqual(CONTENT)
  expect((await stateOf(dataset, {})).refs.get('refs/heads/main'), at).toBe(main)
  const problems: Problem[] = []
  const seenGood = await SeenGood.load(workspace.path('seen-good'), dataset)
  await checkDataset(dataset, (problem) => problems.push(problem), { data: { seenGood } })
  // What a killed run leaves, and the next one takes away.
  expect(
    problems.filter(({ code }) => !['lock', 'leftover', 'views'].includes(code)),
    at,
  ).toEqual([])
  return true
}

const urlIn = async (store: Store) => {
  const records = await openAnnexRecords(new StoredDataset(store, DIRECTORY, ID), {})
  return parseRemoteLog((await records?.read('remote.log')) ?? '')
    .get(UUID)
    ?.get('url')
}

const namesIn = async (store: Store) => (await listAliases(store)).map(({ name }) => name)

/**
 * Kills one move before the call of which `dies` says so, has the same command again finish it, and
 * brings the original back. At no time there is none of the two that is whole. Returns before
 * which call it was killed; undefined where it came to its end.
 */
export async function killMove(
  workspace: Workspace,
  traits: Partial<StoreTraits>,
  dies: (count: number, call: string) => boolean,
): Promise<string | undefined> {
  const scene = await makeScene(workspace, traits)
  const { from, to } = scene
  const [dyingFrom, dyingTo] = dyingTogether([from, to], dies)
  const error = await move(dyingFrom, dyingTo, '~study').catch((caught: unknown) => caught)
  const { isDead, at } = dyingFrom
  const areWhole = async () => [await isWholeIn(workspace, from, scene, at), await isWholeIn(workspace, to, scene, at)]
  if (!isDead) expect(error).toMatchObject({ outcome: 'moved' })
  else {
    expect(await areWhole(), at).toContain(true)
    expect(await move(from, to, '~study'), at).toMatchObject({ outcome: 'moved', late: undefined, problems: [] })
  }
  expect(await areWhole(), at).toEqual([false, true])
  expect([await namesIn(from), await namesIn(to), await urlIn(to)], at).toEqual([[], ['study'], NEW])
  expect(await halfMoved(from, NEW, {}), at).toEqual([])
  const entry = await lastEntry(from, ID, {})
  if (entry !== undefined) await restoreDataset(from, entry, { breakLock: true })
  expect([...(await areWhole()), await namesIn(from)], at).toEqual([true, true, ['study']])
  await Promise.all([from.close(), to.close()])
  return isDead ? at : undefined
}
