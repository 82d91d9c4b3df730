import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { datasetDirectory } from '../../../src/ria/layout/paths.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import type { Store } from '../../../src/store/store.ts'
import { type ArchiveProgram, installArchiveProgram, linesOfJson } from '../../support/programs/archive-program.ts'
import { run } from '../../support/programs/run.ts'
import { dataladClone, datasetId, makeDataset } from '../../support/repos/annex-repo.ts'
import {
  DAMAGES,
  DAMAGES_OF_FILES,
  DAMAGES_OF_PUSHES,
  OLD_FILES,
  placeOf,
  type Victim,
} from '../../support/stores/damage.ts'
import { listed, read, write } from '../../support/stores/stores.ts'
import { PLACES, type Place } from '../../support/worlds/places.ts'
import { makeWorkspace, type Workspace } from '../../support/worlds/workspace.ts'

let workspace: Workspace
let program: ArchiveProgram
beforeAll(async () => {
  workspace = await makeWorkspace()
  program = await installArchiveProgram(workspace)
})
afterAll(() => workspace?.remove())

const contentOf = (name: string) => `what ${name} holds, `.repeat(20)
const ARCHIVED = ['flipped-in-archive.dat', 'whole-in-archive.dat']
const LOOSE = ['flipped.dat', 'cut.dat', 'misplaced.dat', 'mode.dat', 'whole.dat']

/** Flips a bit of what an archive holds, as a bad disk does. */
async function flipMember(store: Store, directory: string, content: string): Promise<void> {
  for (const { path } of await listed(store.list(`${directory}/archives`))) {
    const archive = await read(store, path)
    const at = archive.indexOf(content)
    if (at < 0) continue
    archive.writeUInt8(archive.readUInt8(at + 5) ^ 4, at + 5)
    return write(store, path, archive)
  }
  expect.unreachable(`no archive holds ${content}`)
}

/** Puts the only copy of a key where no client looks for it. */
async function misplace(victim: Victim): Promise<void> {
  const place = placeOf(victim)
  const elsewhere = place.replace(/[^/]+\/[^/]+(\/[^/]+\/[^/]+)$/, 'zz/zz$1')
  await write(victim.store, elsewhere, await read(victim.store, place))
  await victim.store.remove(place)
}

/** Where git itself keeps what was pushed. */
const WITH_GIT = ['on a disk', 'over ssh']

const EVERYWHERE: Readonly<Record<string, (workspace: Workspace) => Promise<Place>>> = {
  ...PLACES,
  'on a disk': async ({ path, env }) => {
    const root = path('on-disk')
    return { url: `ria+file://${root}`, gitUrl: `ria+file://${root}`, store: openLocalStore({ root }), root, env }
  },
}

/** Tears all that git has: packs, or objects that are files of their own. */
async function damageGit({ store, directory }: Victim): Promise<void> {
  const objects = (await listed(store.list(`${directory}/objects`))).map(({ path }) => path)
  const packs = objects.filter((path) => path.endsWith('.pack'))
  const loose = objects.filter((path) => /\/[0-9a-f]{2}\/[0-9a-f]{38}$/.test(path))
  for (const path of packs.length > 0 ? packs : loose) {
    const content = await read(store, path)
    await store.remove(path) // git's own may not be written to
    await write(store, path, content.subarray(0, content.length >> 1))
  }
  const config = await read(store, `${directory}/config`)
  await write(store, `${directory}/config`, `${config}[annex]\n\tuuid = 11111111-2222-3333-4444-555555555555\n`)
}

test.each(Object.keys(EVERYWHERE))(
  '%s all that is damaged is found, and mended from a clone; then check is clean, and DataLad clones and gets all',
  async (name) => {
    const { gitUrl: url, store, root, env } = (await EVERYWHERE[name]?.(workspace)) ?? expect.unreachable()
    const riastore = (...args: string[]) => program.run([...args, '--no-progress'], { env, cwd: source.path })
    const here = name.replaceAll(' ', '-')
    const source = await makeDataset(workspace, `source-${here}`, { env })
    const saveAndPush = async (files: readonly string[]) => {
      for (const file of files) await source.write(file, contentOf(file))
      await source.datalad('save', '-m', 'Add files')
      await source.datalad('push', '--to', 'store')
    }
    const sibling = ['create-sibling', '-s', 'store', '--new-store-ok', '--alias', 'study', url]
    expect(await riastore(...sibling)).toMatchObject({ status: 0 })
    await saveAndPush(ARCHIVED)
    const id = await datasetId(source)
    expect(await riastore('archive', '--yes', url, id)).toMatchObject({ status: 0 })
    await saveAndPush(LOOSE)
    expect(await riastore('check', '--data', url)).toMatchObject({ status: 0, stderr: '' })

    const directory = datasetDirectory(id)
    const victim = async (file: string) => ({ store, directory, key: await source.key(file) })
    const misplaced = await victim('misplaced.dat')
    await flipMember(store, directory, contentOf('flipped-in-archive.dat'))
    await DAMAGES['data-damaged']?.(await victim('flipped.dat'))
    await DAMAGES['key-size']?.(await victim('cut.dat'))
    await misplace(misplaced)
    await DAMAGES['alias-dangling']?.(misplaced)
    await DAMAGES['half-dataset']?.(misplaced)
    const kinds = ['data-damaged', 'key-size', 'key-misplaced', 'alias-dangling', 'half-dataset']
    // git on the server keeps no views; nothing in a bucket is old yet, nor has a mode.
    if (!WITH_GIT.includes(name)) {
      await DAMAGES_OF_PUSHES.views?.(misplaced)
      kinds.push('views')
    }
    if (root !== undefined) {
      await DAMAGES_OF_FILES.mode?.(await victim('mode.dat'), root)
      for (const kind of ['leftover', 'lock']) await OLD_FILES[kind]?.(misplaced, root)
      kinds.push('mode', 'leftover', 'lock')
    }

    const found = await riastore('check', '--data', '--json', url)
    expect(found.status).toBe(3)
    const findings = linesOfJson(found.stdout).filter(({ type }) => type === 'finding')
    expect([...new Set(findings.map(({ check }) => check))].sort()).toEqual(kinds.sort())
    const said = JSON.stringify(findings)
    for (const file of ['flipped-in-archive.dat', 'flipped.dat', 'cut.dat', 'misplaced.dat']) {
      expect(said).toContain(`"${file} at `)
    }

    const mended = await riastore('repair', '--yes', '--break-lock', '--from', source.path, url)
    expect([mended.status, mended.stderr], mended.stdout).toEqual([0, ''])
    expect(await riastore('check', '--data', url)).toMatchObject({ status: 0, stderr: '' })
    const kept = (await listed(store.list(`${directory}/quarantine`))).map(({ path }) => path)
    for (const file of ['flipped.dat', 'cut.dat']) expect(kept.join('\n')).toContain(await source.key(file))
    expect((await read(store, placeOf(misplaced))).toString()).toBe(contentOf('misplaced.dat'))

    const isGits = WITH_GIT.includes(name)
    await damageGit(misplaced)
    if (isGits) await DAMAGES['ref-dangling']?.(misplaced)
    const torn = await riastore('check', '--json', url)
    expect(torn.status).toBe(3)
    for (const code of ['foreign-annex', isGits ? 'git-damaged' : 'pack-damaged']) expect(torn.stdout).toContain(code)
    // A ref that leads to what nobody has is not said to be mended.
    const whole = await riastore('repair', '--yes', '--from', source.path, url)
    expect([whole.status, whole.stderr], whole.stdout).toEqual([isGits ? 3 : 0, ''])
    expect(await riastore('check', '--data', url)).toMatchObject({ status: 0, stderr: '' })
    if (root !== undefined) {
      const fsck = await run('git', ['fsck', '--full', '--no-dangling'], { cwd: join(root, directory), env })
      expect(fsck, fsck.stderr).toMatchObject({ status: 0 })
    }

    const clone = await dataladClone(workspace, `${url}#~study`, `clone-${here}`, { env })
    await clone.datalad('get', '.')
    for (const file of [...ARCHIVED, ...LOOSE]) {
      expect((await clone.read(file)).toString(), file).toBe(contentOf(file))
    }
    await clone.annex('fsck', '--quiet')
    await clone.annex('fsck', '--quiet', '--from', 'store-storage')
  },
)
