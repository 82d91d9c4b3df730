import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { KeyTable } from '../../src/bulk/clone/key-table.ts'
import { checkedKey } from '../../src/bulk/fetch.ts'
import type { OpenRemote } from '../../src/bulk/open-remote.ts'
import { packKeys } from '../../src/bulk/pack-keys.ts'
import { collect } from '../../src/core/source.ts'
import { placesOf } from '../../src/ria/layout/places.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'

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

/** Shows `visit` the store with these keys as compaction sees it, where there is an archive. */
async function pack(table: KeyTable, numbers: Iterable<number>, visit: (store: Store) => Promise<void>): Promise<void> {
  const remote = { store: openMemoryStore(), directory: DIRECTORY, layout: { dataset: { version: '2' } } }
  const checked = (number: number) => {
    const key = checkedKey(table.text(number))
    if (key === undefined) throw new Error('all of them have a checksum')
    return key
  }
  await packKeys(
    remote as unknown as OpenRemote,
    { table, numbers, checked, file: () => object },
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

test('a key that is to be packed costs some bytes, and no object', async () => {
  const count = 20_000
  const table = new KeyTable()
  for (let i = 0; i < count; i++) table.add(keyOf(String(i)))
  const before = used()
  await pack(table, Array.from({ length: count }).keys(), async (store) => {
    let seen = 0
    for await (const { file } of store.children(OBJECTS)) if (file === undefined) seen += 1
    expect(seen).toBe(1024)
    expect((used() - before) / count).toBeLessThan(100)
  })
})

/** Bytes in JavaScript's heap that somebody still wants. */
function used(): number {
  setFlagsFromString('--expose-gc')
  ;(runInNewContext('gc') as () => void)()
  return process.memoryUsage().heapUsed
}
