import { chmod, copyFile, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cloneFile } from '../../../src/admin/dedup/files.ts'
import { findTwins, type Twin } from '../../../src/admin/dedup/find-twins.ts'
import { withSharing } from '../../../src/admin/dedup/share.ts'
import { placesOf } from '../../../src/ria/layout/places.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import type { Store } from '../../../src/store/store.ts'
import { objectsOf, riastore } from '../../support/programs/console-double.ts'
import { keyOf } from '../../support/stores/dataset-on-disk.ts'
import { dyingAt } from '../../support/stores/dying-store.ts'
import { temporaryDirectory, write } from '../../support/stores/stores.ts'

const CONTENT = Buffer.from('the same in both datasets')
const KEY = keyOf(CONTENT)
const IDS = ['aaaaaaaa-0000-4000-8000-000000000000', 'bbbbbbbb-0000-4000-8000-000000000000'] as const
const directoryOf = (id: string) => `${id.slice(0, 3)}/${id.slice(3)}`
const placeIn = (id: string, key = KEY) => `${directoryOf(id)}/annex/objects/${placesOf(key, '2')[0]}`
const [FIRST, SECOND] = [placeIn(IDS[0]), placeIn(IDS[1])]
const [OLD, NEW] = [new Date('2025-01-01'), new Date('2026-01-01')]

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let store: Store
beforeEach(async () => {
  directory = await temporaryDirectory()
  store = openLocalStore({ root: directory.path })
  await write(store, 'ria-layout-version', '1\n')
  for (const id of IDS) {
    await write(store, `${directoryOf(id)}/ria-layout-version`, '2\n')
    await write(store, placeIn(id), CONTENT.toString())
    await chmod(at(placeIn(id)), 0o444)
    await utimes(at(placeIn(id)), OLD, OLD)
    await write(store, placeIn(id, keyOf(Buffer.from(id))), id)
  }
  await utimes(at(SECOND), NEW, NEW)
})
afterEach(async () => {
  await store.close()
  await directory.remove()
})

const at = (path: string) => `${directory.path}/${path}`
const dedup = (...words: string[]) => riastore(['dedup', '--json', ...words, directory.path])
const inodes = async () => [(await stat(at(FIRST))).ino, (await stat(at(SECOND))).ino]

/** Of the two copies of KEY, the older, and the path of the other. */
async function twins(through = store): Promise<{ readonly first: Twin; readonly keeper: string }> {
  const all = (await findTwins(through, {})).get(KEY) ?? []
  const [first] = all.filter(({ entry }) => entry.path === FIRST)
  return { first: first ?? expect.fail(), keeper: at(SECOND) }
}

async function expectWhole(): Promise<void> {
  for (const path of [FIRST, SECOND]) expect((await readFile(at(path))).equals(CONTENT)).toBe(true)
}

test('the same key in two datasets takes its space once, until --undo gives each bytes of its own', async () => {
  const canClone = await cloneFile(at(FIRST), at('a clone'))
  const dry = await dedup('-n')
  expect(objectsOf(dry, 'summary')).toMatchObject([{ dryRun: true, keys: 1, bytes: CONTENT.length }])
  expect(new Set(await inodes()).size).toBe(2)
  expect((await dedup()).code).toBe(2) // nobody can be asked
  const done = await dedup('--yes')
  expect([done.code, objectsOf(done, 'key')]).toMatchObject([
    0,
    [{ dataset: IDS[0], key: KEY, size: CONTENT.length, how: canClone ? 'reflink' : 'hardlink', with: IDS[1] }],
  ])
  expect(objectsOf(done, 'summary')).toMatchObject([{ keys: 1, bytes: CONTENT.length, findings: 0 }])
  await expectWhole()
  if (!canClone) {
    expect(new Set(await inodes()).size).toBe(1)
    // A hard link has one time: none of them has become older than it was.
    expect((await stat(at(FIRST))).mtime).toEqual(NEW)
    expect(objectsOf(await dedup('--yes'), 'summary')).toMatchObject([{ keys: 0, bytes: 0 }])
    expect(objectsOf(await dedup('--yes', '--undo'), 'summary')).toMatchObject([{ keys: 1, bytes: CONTENT.length }])
  }
  expect(new Set(await inodes()).size).toBe(2)
  expect((await stat(at(FIRST))).mode & 0o777).toBe(0o444)
  await expectWhole()
})

test('copies that are not the same, or not the key’s content, stay as they are and are found', async () => {
  const other = Buffer.from(CONTENT).fill('x')
  for (const damaged of [[SECOND], [FIRST, SECOND]]) {
    for (const path of damaged) {
      await chmod(at(path), 0o644)
      await writeFile(at(path), other)
      await chmod(at(path), 0o444)
    }
    const found = await dedup('--yes')
    expect([found.code, objectsOf(found, 'finding')]).toMatchObject([3, [{ check: 'dedup-different', key: KEY }]])
    expect(new Set(await inodes()).size).toBe(2)
  }
})

test('a copy of another mode is no hard link, and by reflink it keeps its mode and its time', async () => {
  await chmod(at(FIRST), 0o440)
  const { first, keeper } = await twins()
  const share = (clone: (from: string, to: string) => Promise<boolean>) =>
    withSharing(first.dataset, { clone }, (sharing) => sharing.share(KEY, first.entry, keeper))
  expect(await share(async () => false)).toBe('unlike')
  const clone = async (from: string, to: string) => copyFile(from, to).then(() => true)
  expect(await share(clone)).toBe('reflink')
  const now = await stat(at(FIRST))
  expect([now.mode & 0o777, now.mtime]).toEqual([0o440, OLD])
  await expectWhole()
})

test('what somebody stored or dropped since it was listed is not replaced', async () => {
  const { first, keeper } = await twins()
  const outcomeOf = () => withSharing(first.dataset, {}, (sharing) => sharing.share(KEY, first.entry, keeper))
  await store.remove(FIRST)
  expect(await outcomeOf()).toBe('changed')
  await write(store, FIRST, CONTENT.toString())
  await chmod(at(FIRST), 0o444)
  const later = new Date(OLD.getTime() + 1000)
  await utimes(at(FIRST), later, later)
  const { ino } = await stat(at(FIRST))
  expect(await outcomeOf()).toBe('changed')
  expect((await stat(at(FIRST))).ino).toBe(ino)
})

test.each(['share', 'separate'] as const)(
  'killed before any step, to %s a key loses nothing and leaves nothing',
  async (what) => {
    if (what === 'separate') await dedup('--yes')
    const work = async (through: Store) => {
      const { first, keeper } = await twins()
      const dataset = new StoredDataset(through, first.dataset.directory)
      return withSharing(dataset, { breakLock: true }, (sharing) =>
        what === 'share' ? sharing.share(KEY, first.entry, keeper) : sharing.separate(KEY, first.entry),
      )
    }
    let kills = 0
    for (;;) {
      const dying = dyingAt(store, kills + 1)
      const ended = await work(dying).catch((error: unknown) => error)
      await expectWhole()
      if (!dying.isDead) break
      expect(ended).toBeInstanceOf(Error)
      kills += 1
    }
    expect(kills).toBeGreaterThan(2)
    await work(store)
    const left: string[] = []
    for await (const { path, size } of store.list(directoryOf(IDS[0]))) if (size === CONTENT.length) left.push(path)
    expect(left).toEqual([FIRST])
  },
)

test('it works on a disk only, and not in an append-only store', async () => {
  const elsewhere = await riastore(['dedup', '--yes', 'ria+s3+http://127.0.0.1:1/bucket'])
  expect([elsewhere.code, elsewhere.stderr]).toEqual([2, expect.stringContaining('not on a disk of this machine')])
  await write(store, 'ria-layout-version', '1|a\n')
  const refused = await dedup('--yes')
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('the store is append-only')])
  expect(new Set(await inodes()).size).toBe(2)
})
