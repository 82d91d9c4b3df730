import { afterAll, beforeAll, expect, test } from 'vitest'
import { datasetDirectory } from '../../../src/ria/layout/paths.ts'
import type { Store } from '../../../src/store/store.ts'
import { type ArchiveProgram, installArchiveProgram, linesOfJson } from '../../support/programs/archive-program.ts'
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

test.each(Object.keys(PLACES) as PlaceName[])(
  '%s all that is damaged is found, and mended from a clone; then check is clean, and DataLad clones and gets all',
  async (name) => {
    const { gitUrl: url, store, root, env } = await PLACES[name](workspace)
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
    if (name !== 'over ssh') {
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

    const clone = await dataladClone(workspace, `${url}#~study`, `clone-${here}`, { env })
    await clone.datalad('get', '.')
    for (const file of [...ARCHIVED, ...LOOSE]) {
      expect((await clone.read(file)).toString(), file).toBe(contentOf(file))
    }
    await clone.annex('fsck', '--quiet')
    await clone.annex('fsck', '--quiet', '--from', 'store-storage')
  },
)
