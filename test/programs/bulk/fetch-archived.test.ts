import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { Archive } from '../../../src/archive/archive.ts'
import { ArchivedKeys } from '../../../src/bulk/archived-keys.ts'
import type { CheckedKey } from '../../../src/bulk/clone/content.ts'
import { damaged } from '../../../src/bulk/clone/content.ts'
import type { Fetch } from '../../../src/bulk/fetch.ts'
import { fetchArchived } from '../../../src/bulk/fetch-archived.ts'
import type { OpenRemote } from '../../../src/bulk/open-remote.ts'
import { KeyTable } from '../../../src/core/tables/key-table.ts'
import type { Copy } from '../../../src/ria/keys/copy.ts'
import { archivePath } from '../../../src/ria/layout/paths.ts'
import { placesOf } from '../../../src/ria/layout/places.ts'
import { openMemoryStore } from '../../../src/store/memory.ts'
import { makeArchive } from '../../support/archives/real-archive.ts'
import { withMethods, write } from '../../support/stores/stores.ts'

const DIRECTORY = '111/1111'
const contents = Array.from({ length: 40 }, (_, i) => Buffer.from(`text ${i}\n`.repeat(1000 * (i + 1))))
const keys = contents.map((content) => `MD5-s${content.length}--${createHash('md5').update(content).digest('hex')}`)
/** Of the right length, and not what its key says. */
const BAD = 7

test('keys of a solid folder come with one read of the archive, and one that is damaged is looked for elsewhere', async () => {
  const place = (key: string) => placesOf(key, '2')[0] ?? ''
  const bytes = (i: number) => (i === BAD ? Buffer.alloc(contents[i]?.length ?? 0) : contents[i])
  const files = new Map(keys.map((key, i) => [place(key), bytes(i) as Buffer]))
  const memory = openMemoryStore()
  await write(memory, archivePath(DIRECTORY), await makeArchive(files, ['-mx1', '-m0=Deflate', '-ms=on']))
  let reads = 0
  const store = withMethods(memory, {
    get: (...all) => {
      reads += 1
      return memory.get(...all)
    },
  })
  const table = new KeyTable()
  for (const key of keys) table.add(key)
  const archive = await Archive.open(store, archivePath(DIRECTORY))
  const found = await ArchivedKeys.find(archive, table, keys.keys(), new Set())
  reads = 0
  const came = new Set<number>()
  const alone: string[] = []
  const fetch = {
    receive: (copy: Copy, checked: CheckedKey) => receive(copy, checked),
    fetchCopy: (copy: Copy, checked: CheckedKey) => receive(copy, checked),
    fetch: async ({ key }: CheckedKey) => void alone.push(key.text),
  } as unknown as Fetch
  await fetchArchived({ remote: { store, directory: DIRECTORY } as OpenRemote, archive, keys: found }, table, fetch, {
    readsAtOnce: 4,
    signal: undefined,
    onKey: async (number, bring) => {
      await bring()
      came.add(number)
    },
  })
  expect(came.size).toBe(table.size)
  expect(alone).toEqual([keys[BAD]])
  expect(reads).toBe(1)
})

async function receive(copy: Copy, { key, checksum }: CheckedKey): Promise<void> {
  const hasher = await checksum.start()
  const consume = async (chunks: AsyncIterable<Uint8Array>) => {
    for await (const chunk of chunks) hasher.update(chunk)
  }
  await copy.read(consume, { start: () => 0 })
  if (hasher.hex() !== checksum.expected) throw damaged(copy.where, key)
}
