import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CheckedKey, SMALL_BYTES } from '../../src/bulk/clone/content.ts'
import { checkedKey } from '../../src/bulk/fetch.ts'
import type { OpenRemote } from '../../src/bulk/open-remote.ts'
import { packKeys } from '../../src/bulk/pack-keys.ts'
import { messageOf, StoreError } from '../../src/core/errors.ts'
import { collect } from '../../src/core/source.ts'
import { KeyTable } from '../../src/core/tables/key-table.ts'
import type { GivenKeys } from '../../src/ria/keys/given-keys.ts'
import { placesOf } from '../../src/ria/layout/places.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'
import { heapUsed } from '../support/shared/heap-used.ts'

const DIRECTORY = '111/1111'
const OBJECTS = `${DIRECTORY}/annex/objects`
const CONTENT = Buffer.from('content')

/** All keys have the same object: what counts is which of them are seen, and what they cost. */
let object: string
let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'riastore-test-'))
  object = join(directory, 'object')
  await writeFile(object, CONTENT)
})
afterAll(() => rm(directory, { recursive: true }))

const keyOf = (name: string) => `MD5E-s${CONTENT.length}--${createHash('md5').update(name).digest('hex')}.txt`
const placeOf = (key: string) => `${OBJECTS}/${placesOf(key, '2')[0]}`

const remoteOf = (store: Store) =>
  ({ store, directory: DIRECTORY, layout: { dataset: { version: '2' } } }) as unknown as OpenRemote

function checkedIn(table: KeyTable): (number: number) => CheckedKey {
  return (number) => {
    const key = checkedKey(table.text(number))
    if (key === undefined) throw new Error('all of them have a checksum')
    return key
  }
}

/** Shows `visit` the store with these keys as compaction sees it, where there is an archive. */
async function pack(
  table: KeyTable,
  numbers: Iterable<number>,
  visit: (store: Store) => Promise<void>,
  file: (number: number) => string = () => object,
): Promise<void> {
  await packKeys(
    remoteOf(openMemoryStore()),
    { table, numbers, checked: checkedIn(table), file },
    {
      pack: { intoNew: async () => false, intoOld: ({ store }) => visit(store) },
      signal: undefined,
      onPacked: () => {},
    },
  )
}

test('what is packed sees the keys that were given as if they lay loose, and no others', async () => {
  const table = new KeyTable()
  const good = `MD5E-s${CONTENT.length}--${createHash('md5').update(CONTENT).digest('hex')}.txt`
  const [own, other] = [good, keyOf('other')]
  table.add(own)
  table.add(other)
  await pack(table, [0], async (store) => {
    const paths = []
    for await (const { path, size } of store.list(OBJECTS)) paths.push([path, size])
    expect(paths).toEqual([[placeOf(own), CONTENT.length]])
    expect(await store.statAll([placeOf(own), placeOf(other), `${placeOf(own)}x`])).toEqual([
      expect.objectContaining({ size: CONTENT.length }),
      undefined,
      undefined,
    ])
    const found = { content: Buffer.alloc(0) }
    await store.get(placeOf(own), async (bytes) => {
      found.content = Buffer.from(await collect(bytes, 100))
    })
    expect(found.content).toEqual(CONTENT)
    await expect(store.get(placeOf(other), async () => {})).rejects.toMatchObject({ kind: 'missing' })
    await store.remove(placeOf(own))
    expect(await store.stat(placeOf(own))).toBeUndefined()
  })
})

test('a key that was dropped while others are packed is not there, and keeps none of them from it', async () => {
  const table = new KeyTable()
  const [kept, dropped, removed] = ['kept', 'dropped', 'removed'].map(keyOf) as [string, string, string]
  for (const key of [kept, dropped, removed]) table.add(key)
  const file = (number: number) => {
    if (table.text(number) === kept) return object
    if (table.text(number) === removed) return join(directory, 'no such file')
    throw new StoreError({ kind: 'missing', op: 'read', where: dropped, message: 'it was dropped' })
  }
  const visit = async (store: Store) => {
    const paths = []
    for await (const { path } of store.list(OBJECTS)) paths.push(path)
    expect(paths).toEqual([placeOf(kept)])
    for (const key of [dropped, removed]) {
      expect(await store.stat(placeOf(key))).toBeUndefined()
      await expect(store.get(placeOf(key), async () => {})).rejects.toMatchObject({ kind: 'missing' })
    }
  }
  await pack(table, [0, 1, 2], visit, file)
})

test('what goes into a new archive is read whole, or in pieces, and only when it is what its key says', async () => {
  const table = new KeyTable()
  const large = Buffer.alloc(SMALL_BYTES + 1, 'large ')
  const files = [CONTENT, CONTENT, large, large, Buffer.alloc(0)]
  const md5 = (content: Buffer) => createHash('md5').update(content).digest('hex')
  for (const [i, { length }] of files.entries()) {
    table.add(
      i % 2 === 1 ? `MD5E-s${length}--${md5(Buffer.from('other'))}.txt` : `MD5-s${length}--${md5(files[i] ?? CONTENT)}`,
    )
    await writeFile(join(directory, String(i)), files[i] ?? '')
  }
  const seen: unknown[] = []
  const told: number[] = []
  await packKeys(
    remoteOf(openMemoryStore()),
    { table, numbers: files.keys(), checked: checkedIn(table), file: (number) => join(directory, String(number)) },
    {
      pack: {
        intoNew: async (_dataset, keys, { onPacked }) => {
          for (const number of keys.numbers()) {
            expect([keys.text(number), keys.size(number)]).toEqual([table.text(number), files[number]?.length])
            seen.push(await contentOf(keys, number).then(md5, (error: StoreError) => error.kind))
          }
          onPacked(0)
          return true
        },
        intoOld: () => expect.fail('there is no archive'),
      },
      signal: undefined,
      onPacked: (number) => told.push(number),
    },
  )
  // A megabyte is not compared byte by byte: vitest takes seconds for that.
  expect(seen).toEqual([md5(CONTENT), 'corrupt', md5(large), 'corrupt', md5(Buffer.alloc(0))])
  expect(told).toEqual([0])
})

test.each([CONTENT.length, SMALL_BYTES + 1])(
  'an object of %d bytes that the disk does not give is told of with its name, as one that is not to be had',
  async (size) => {
    const table = new KeyTable()
    table.add(`MD5E-s${size}--${createHash('md5').update('x').digest('hex')}.txt`)
    const seen: unknown[] = []
    await packKeys(
      remoteOf(openMemoryStore()),
      // A directory can be opened, and not be read: as a file on a disk that fails.
      { table, numbers: [0], checked: checkedIn(table), file: () => directory },
      {
        pack: {
          intoNew: async (_dataset, keys) => {
            seen.push(await contentOf(keys, 0).catch((error: unknown) => error))
            return true
          },
          intoOld: () => expect.fail('there is no archive'),
        },
        signal: undefined,
        onPacked: () => {},
      },
    )
    expect(seen).toEqual([expect.any(StoreError)])
    expect(seen[0]).toMatchObject({ kind: 'unsupported', op: 'read', where: directory })
    expect(messageOf(seen[0])).toMatch(/EISDIR.*read$/)
  },
)

async function contentOf(keys: GivenKeys, number: number): Promise<Buffer> {
  const content = keys.read(number, undefined)
  if (!(content instanceof Uint8Array)) return collect(content, SMALL_BYTES * 2)
  expect(content.length).toBeLessThanOrEqual(SMALL_BYTES)
  return Buffer.from(content)
}

test('a key that is to be packed costs some bytes, and no object', async () => {
  const count = 20_000
  const table = new KeyTable()
  for (let i = 0; i < count; i++) table.add(keyOf(String(i)))
  const before = heapUsed()
  await pack(table, Array.from({ length: count }).keys(), async (store) => {
    let seen = 0
    for await (const { file } of store.children(OBJECTS)) if (file === undefined) seen += 1
    expect(seen).toBe(1024)
    expect((heapUsed() - before) / count).toBeLessThan(100)
  })
})
