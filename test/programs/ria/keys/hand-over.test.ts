import { access, readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { archivePath } from '../../../../src/ria/layout/paths.ts'
import { placesOf } from '../../../../src/ria/layout/places.ts'
import type { Store } from '../../../../src/store/store.ts'
import { withFaults } from '../../../../src/store/wrappers/faulty.ts'
import { makeArchive } from '../../../support/archives/real-archive.ts'
import {
  CONTENT,
  DIRECTORY,
  dataset,
  downloads,
  KEY,
  memoryStore,
  PLACE,
  put,
  withTraits,
} from '../../../support/stores/memory-dataset.ts'

const [MEMBER = ''] = placesOf(KEY, '2')
const WORM = `WORM-s${CONTENT.length}--a`
const [WORM_MEMBER = ''] = placesOf(WORM, '2')
const FLIPPED = Buffer.from(CONTENT)
FLIPPED.writeUInt8(FLIPPED.readUInt8(5) ^ 1, 5)

let target: Awaited<ReturnType<typeof downloads>>
beforeAll(async () => {
  target = await downloads()
})
afterAll(() => target?.remove())

let count = 0
const newFile = () => target.file(`download-${++count}`)

/** A dataset of which git-annex's fsck is asking. */
const asked = (store: Store) => dataset(store, { handsOverDamaged: true, verify: true })

async function withArchive(name: string): Promise<Store> {
  const store = await memoryStore()
  const archive = await makeArchive(new Map([[name, CONTENT]]), ['-mx0'])
  archive.writeUInt8(archive.readUInt8(40) ^ 1, 40) // in the member's content, which begins at 32
  await put(store, archivePath(DIRECTORY), archive)
  return store
}

async function expectRefused(store: Store, key: string, reason: object): Promise<void> {
  const file = newFile()
  await expect(asked(store).retrieve(key, file)).rejects.toMatchObject(reason)
  await expect(access(file)).rejects.toMatchObject({ code: 'ENOENT' })
}

describe('to whoever checks it and takes it away', () => {
  test.each([
    ['shorter', CONTENT.subarray(0, 9)],
    ['longer', Buffer.concat([CONTENT, CONTENT])],
    ['empty', Buffer.alloc(0)],
    ['of the right length', FLIPPED],
  ])('a damaged copy that is %s is present, and handed over as it is', async (_how, content) => {
    const store = await memoryStore()
    await put(store, PLACE, content)
    const file = newFile()
    expect(await asked(store).checkPresent(KEY)).toBe(true)
    await asked(store).retrieve(KEY, file)
    expect((await readFile(file)).equals(content)).toBe(true)
  })

  test('a member of the archive is handed over as far as it can be read, with what is wrong in it', async () => {
    const opened = asked(await withArchive(MEMBER))
    const file = newFile()
    expect(await opened.checkPresent(KEY)).toBe(true)
    await opened.retrieve(KEY, file)
    expect((await readFile(file)).equals(CONTENT)).toBe(false)
    await opened.remove(KEY)
    expect(await opened.checkPresent(KEY)).toBe(false)
  })

  test('a good copy is handed over where another is damaged', async () => {
    const store = await memoryStore({ dataset: '2\n' })
    await put(store, PLACE, FLIPPED)
    await put(store, archivePath(DIRECTORY), await makeArchive(new Map([[MEMBER, CONTENT]]), ['-mx0']))
    const file = newFile()
    const opened = asked(store)
    await opened.retrieve(KEY, file)
    expect((await readFile(file)).equals(CONTENT)).toBe(true)
  })

  test('no copy is absent, and a dataset that is gone is unknown', async () => {
    expect(await asked(await memoryStore()).checkPresent(KEY)).toBe(false)
    await expectRefused(await memoryStore(), KEY, { kind: 'missing' })
    await expectRefused(await memoryStore({ dataset: undefined }), KEY, { kind: 'missing' })
  })

  test('a damaged copy of a key that has no checksum is not handed over: nobody would find the damage', async () => {
    await expectRefused(await withArchive(WORM_MEMBER), WORM, { kind: 'corrupt' })
    const encrypted = 'GPGHMACSHA1--0123456789abcdef0123456789abcdef01234567'
    await expectRefused(await withArchive(placesOf(encrypted, '2')[0] ?? ''), encrypted, { kind: 'corrupt' })
  })

  test('an archive that is none makes no key present, and nothing is handed over', async () => {
    const store = await memoryStore()
    await put(store, archivePath(DIRECTORY), 'this is no archive, however long it is')
    await expect(asked(store).checkPresent(KEY)).rejects.toMatchObject({ kind: 'corrupt' })
    await expectRefused(store, KEY, { kind: 'corrupt' })
  })

  test('what came damaged from a store that cannot be written to is refused: the way to it may be at fault', async () => {
    const store = await memoryStore()
    await put(store, PLACE, CONTENT.subarray(0, 9))
    const readOnly = withTraits(store, { writable: false })
    await expect(asked(readOnly).checkPresent(KEY)).rejects.toMatchObject({ kind: 'corrupt' })
    await expectRefused(readOnly, KEY, { kind: 'corrupt' })
  })

  test('a copy that cannot be read now is not handed over in part', async () => {
    const store = await memoryStore()
    await put(store, PLACE, FLIPPED)
    const faulty = withFaults(store, [{ op: 'get', path: PLACE, nth: 2, times: 9, fail: 'unreachable', at: 5 }])
    await expectRefused(faulty, KEY, { kind: 'unreachable' })
  })
})

test('nobody else gets a damaged copy, or is told that it is there', async () => {
  const store = await memoryStore()
  await put(store, PLACE, CONTENT.subarray(0, 9))
  const file = newFile()
  await expect(dataset(store).checkPresent(KEY)).rejects.toMatchObject({ kind: 'corrupt' })
  await expect(dataset(store).retrieve(KEY, file)).rejects.toMatchObject({ kind: 'corrupt' })
  await expect(access(file)).rejects.toMatchObject({ code: 'ENOENT' })
})
