import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { deflateSync } from 'node:zlib'
import { expect } from 'vitest'
import { checkDataset } from '../../../src/admin/check/check-dataset.ts'
import type { Problem } from '../../../src/admin/check/problem.ts'
import { CloneCopies } from '../../../src/admin/repair/clone-copies.ts'
import type { GoodCopies } from '../../../src/admin/repair/good-copies.ts'
import { repairDataset } from '../../../src/admin/repair/repair-dataset.ts'
import type { Repaired } from '../../../src/admin/repair/repaired.ts'
import { datasetDirectory } from '../../../src/ria/layout/paths.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import { openMemoryStore } from '../../../src/store/memory.ts'
import type { Store } from '../../../src/store/store.ts'
import { run } from '../programs/run.ts'
import { copyingFrom } from '../stores/copying-store.ts'
import { keepRefLog } from '../stores/damage.ts'
import { hurriedTime } from '../stores/stopping-store.ts'
import { paths, read, write } from '../stores/stores.ts'
import { type MemoryGit, makeMemoryGit } from './memory-git.ts'

let world: MemoryGit
/** A clone that has all, and one that has only the newest commit. */
let clone: string
let shallow: string

/** Starts it all; what comes back ends it. */
export async function startGitPlaces(): Promise<() => Promise<void>> {
  world = await makeMemoryGit()
  clone = await world.newRepo('clone')
  for (const name of ['one', 'two', 'three']) await world.commit(clone, name, `${name} `.repeat(100))
  await world.gitOk(clone, 'tag', '-a', 'v1', '-m', 'a tag', 'HEAD~1')
  await world.gitOk(clone, 'branch', 'other', 'HEAD~2')
  await world.gitOk(clone, 'config', 'annex.uuid', '11111111-2222-3333-4444-555555555555')
  shallow = await world.clone(`file://${clone}`, 'shallow', '--depth=1')
  await world.gitOk(shallow, 'config', 'annex.uuid', '11111111-2222-3333-4444-666666666666')
  return world.remove
}

/** A dataset with a repository in which something can be damaged. */
export interface Place {
  readonly store: Store
  readonly directory: string
}

let count = 0
const REFS = ['main', 'other', 'v1'] as const

/** A bare repository as git makes it, of what the clone has. */
async function bareAt(path: string): Promise<void> {
  await world.gitOk(world.workspace.directory, 'init', '-q', '--bare', path)
  await world.gitOk(clone, 'push', '-q', path, ...REFS)
  await world.gitOk(path, 'symbolic-ref', 'HEAD', 'refs/heads/main')
}

export async function copied(packed: boolean): Promise<Place> {
  const id = `aaa${count++}-copied`
  const bare = world.workspace.path(id)
  await bareAt(bare)
  if (packed) await world.gitOk(bare, 'gc', '-q')
  const directory = datasetDirectory(id)
  await world.dataset(id)
  for (const name of await readdir(bare, { recursive: true })) {
    const file = join(bare, name)
    if ((await stat(file)).isFile()) await write(world.store, `${directory}/${name}`, await readFile(file))
  }
  return { store: world.store, directory }
}

/**
 * Where git keeps the repository, and where riastore does; what is there is renamed, or copied.
 */
export const PLACES: Readonly<Record<string, () => Promise<Place>>> = {
  'that git keeps on a disk': async () => {
    const id = `aaa${count++}-disk`
    const root = world.workspace.path(id)
    const directory = datasetDirectory(id)
    await mkdir(join(root, directory, '..'), { recursive: true })
    await bareAt(join(root, directory))
    await world.gitOk(join(root, directory), 'gc', '-q')
    await writeFile(join(root, 'ria-layout-version'), '1\n')
    await writeFile(join(root, directory, 'ria-layout-version'), '2\n')
    return { store: openLocalStore({ root }), directory }
  },
  'that was copied from git': () => copied(true),
  'that was copied from git into a store that copies': async () => {
    const { store, directory } = await copied(true)
    return { store: copyingFrom(store), directory }
  },
  'that riastore keeps': async () => {
    const id = `aaa${count++}-pushed`
    const url = await world.dataset(id)
    // The first pack holds what the second is made out of.
    await world.gitOk(clone, 'push', '-q', url, 'HEAD~1:refs/heads/main')
    await world.gitOk(clone, 'push', '-q', url, ...REFS)
    return { store: copyingFrom(world.store), directory: datasetDirectory(id) }
  },
}

export const atHand = ({ store, directory }: Place) => new StoredDataset(store, directory)
export const clones = () => Promise.all([CloneCopies.open(clone)])
export const shallowClones = () => Promise.all([CloneCopies.open(shallow)])

export async function check(place: Place): Promise<Problem[]> {
  const problems: Problem[] = []
  await checkDataset(atHand(place), (problem) => problems.push(problem))
  return problems
}

export async function repair(place: Place, sources: readonly GoodCopies[] = [], on = place.store): Promise<Repaired[]> {
  const told: Repaired[] = []
  const dataset = new StoredDataset(on, place.directory)
  const options = { sources, time: hurriedTime(), breakLock: true }
  await repairDataset(dataset, await check(place), (repaired) => told.push(repaired), options)
  return told
}

export const outcomes = (told: readonly Repaired[]) => [
  ...new Set(told.map(({ problem, outcome }) => `${problem.code} ${outcome}`)),
]

export const files = async ({ store, directory }: Place, below = '') =>
  (await paths(store, directory)).filter((path) => path.includes(below))
export const packs = (place: Place) =>
  files(place, '/objects/pack/').then((all) => all.filter((path) => path.endsWith('.pack')))
export const quarantined = (place: Place) => files(place, '/quarantine/')

export async function overwrite(place: Place, path: string, change: (content: Buffer) => Buffer): Promise<Buffer> {
  const damaged = change(await read(place.store, path))
  await place.store.remove(path) // git's packs may not be written to
  await write(place.store, path, damaged)
  return damaged
}

/** Cuts what the newest commit needs. */
export async function tear(place: Place): Promise<{ path: string; content: Buffer }[]> {
  const torn: { path: string; content: Buffer }[] = []
  for (const path of await packs(place)) {
    torn.push({ path, content: await overwrite(place, path, (all) => all.subarray(0, all.length >> 1)) })
  }
  return torn
}

/** All of it, as files on this machine. */
async function exported(place: Place): Promise<string> {
  const to = world.workspace.path(`exported-${count++}`)
  for (const path of await paths(place.store, place.directory)) {
    const file = join(to, path.slice(place.directory.length + 1))
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, await read(place.store, path))
  }
  await mkdir(join(to, 'refs'), { recursive: true })
  return to
}

/** git finds nothing wrong, and has all of it. That it can be cloned is for the tests in e2e/. */
export async function expectWhole(place: Place, refs: readonly string[] = ['main', 'other', 'v1']): Promise<void> {
  expect(await check(place)).toEqual([])
  const bare = await exported(place)
  await world.gitOk(bare, 'fsck', '--full', '--no-dangling')
  const shown = await world.gitOk(bare, 'for-each-ref', '--format=%(refname:short)')
  expect(shown.trim().split('\n')).toEqual(refs)
  expect(await world.gitOk(bare, 'log', '--format=%s', 'main')).toBe('three\ntwo\none\n')
  expect(await world.gitOk(bare, 'cat-file', 'blob', 'main:three')).toBe('three '.repeat(100))
  await rm(bare, { recursive: true })
}

/** The same in a store of its own, in memory where it was there. */
export async function restored(model: Place, all: readonly (readonly [string, Buffer])[]): Promise<Place> {
  const root = world.workspace.path(`restored-${count++}`)
  const store = model.store.traits.exec ? openLocalStore({ root }) : openMemoryStore()
  await write(store, 'ria-layout-version', '1\n')
  if (model.store.traits.exec) await mkdir(join(root, model.directory, 'refs'), { recursive: true })
  for (const [path, content] of all) await write(store, path, content)
  return { store: model.store.traits.flat ? copyingFrom(store) : store, directory: model.directory }
}

/** One more generation than there is, with other refs. */
export async function keepRefLogWith(place: Place, more: Parameters<typeof keepRefLog>[2]): Promise<void> {
  const all = await paths(place.store, `${place.directory}/riastore/refs`)
  const state = JSON.parse((await read(place.store, all.at(-1) ?? '')).toString())
  await keepRefLog(place.store, place.directory, { packs: state.packs, generation: all.length + 1, ...more })
}

/** The id of an object of the clone. */
export async function objectOf(name: string): Promise<string> {
  return (await world.gitOk(clone, 'rev-parse', name)).trim()
}

/** A clone in which an object is another than its id says. */
export async function hostileClone(name: string): Promise<CloneCopies> {
  const copy = await world.clone(`file://${clone}`, `hostile-${count++}`)
  await world.gitOk(copy, 'config', 'annex.uuid', '11111111-2222-3333-4444-777777777777')
  const id = await objectOf(name)
  const [pack = ''] = (await readdir(join(copy, '.git/objects/pack'))).filter((each) => each.endsWith('.pack'))
  const packed = join(copy, '.git', pack)
  await rename(join(copy, '.git/objects/pack', pack), packed)
  await rm(join(copy, '.git/objects/pack'), { recursive: true })
  await run('git', ['unpack-objects', '-q'], { env: world.env, cwd: copy, input: await readFile(packed) })
  const file = join(copy, '.git/objects', id.slice(0, 2), id.slice(2))
  await rm(file)
  await writeFile(file, deflateSync(Buffer.from('blob 4\0evil')))
  return CloneCopies.open(copy)
}
