import { hash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { compact } from '../../../src/admin/compaction/compact.ts'
import { verifyArchive } from '../../../src/admin/compaction/verify.ts'
import { checkedKey } from '../../../src/bulk/fetch.ts'
import type { OpenRemote } from '../../../src/bulk/open-remote.ts'
import { packKeys } from '../../../src/bulk/pack-keys.ts'
import { KeyTable } from '../../../src/core/tables/key-table.ts'
import { archivePath, datasetDirectory } from '../../../src/ria/layout/paths.ts'
import { objectsDirectory, placesOf } from '../../../src/ria/layout/places.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import type { Store } from '../../../src/store/store.ts'
import { keyMembers, writeLargeArchive } from '../../support/archives/large-archive.ts'
import { watchMemory } from '../../support/shared/watch-memory.ts'
import { makeWorkspace, type Workspace } from '../../support/worlds/workspace.ts'

const COUNT = Number(process.env.RIASTORE_MANY_KEYS ?? 1_000_000)
const LOOSE = datasetDirectory('11111111-2222-3333-4444-555555555555')
const ARCHIVED = datasetDirectory('11111111-2222-3333-4444-666666666666')

/** What the whole takes, the test's own process aside; 7-Zip is a process of its own. Bytes. */
const MOST = 400e6

const contentOf = (number: number) => String(number).padStart(8)
const keyOf = (number: number) => `MD5E-s8--${hash('md5', contentOf(number))}.dat`
const placeOf = (key: string) => placesOf(key, '2')[0] ?? ''

let workspace: Workspace
let store: Store
beforeAll(async () => {
  workspace = await makeWorkspace()
  store = openLocalStore({ root: workspace.path('store') })
  for (let number = 0; number < COUNT; number++) {
    const file = looseFile(number)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, contentOf(number))
  }
  for (const directory of [LOOSE, ARCHIVED]) {
    await mkdir(workspace.path('store', directory, 'archives'), { recursive: true })
    await mkdir(workspace.path('store', objectsDirectory(directory)), { recursive: true })
    await writeFile(workspace.path('store', directory, 'ria-layout-version'), '2\n')
  }
  await writeFile(workspace.path('store', 'ria-layout-version'), '1\n')
}, 3_600_000)
afterAll(async () => {
  await store?.close()
  await workspace?.remove()
})

function looseFile(number: number): string {
  return workspace.path('store', objectsDirectory(LOOSE), placeOf(keyOf(number)))
}

test(`put --archive brings ${COUNT} keys into an archive that has as many, in 400 MB`, async () => {
  await writeLargeArchive(workspace.path('store', archivePath(ARCHIVED)), { ...keyMembers(COUNT), size: () => 8 })
  const peak = watchMemory()
  const table = new KeyTable()
  for (let number = 0; number < COUNT; number++) table.add(keyOf(number))
  const opened = { store, directory: ARCHIVED, layout: { dataset: { version: '2' } } } as unknown as OpenRemote
  const checked = (number: number) => {
    const key = checkedKey(table.text(number))
    if (key === undefined) throw new Error('all of them have a checksum')
    return key
  }
  let packed = 0
  await packKeys(
    opened,
    { table, numbers: Array.from({ length: COUNT }).keys(), checked, file: looseFile },
    {
      pack: {
        intoNew: async () => false,
        intoOld: async (dataset, { signal }) => {
          await compact(dataset, { signal, leavesLoose: true })
        },
      },
      signal: undefined,
      onPacked: () => {
        packed += 1
      },
    },
  )
  const most = peak()
  console.log(`put --archive: ${Math.round(most / 1e6)} MB`)
  expect(packed).toBe(COUNT)
  expect(most).toBeLessThan(MOST)
})

test(`riastore archive packs ${COUNT} loose keys in 400 MB, and all are good then`, async () => {
  const peak = watchMemory()
  const dataset = new StoredDataset(store, LOOSE)
  const report = await compact(dataset)
  const most = peak()
  console.log(`riastore archive: ${Math.round(most / 1e6)} MB`)
  expect(report.packed).toEqual({ keys: COUNT, bytes: 8 * COUNT })
  expect(report.after).toMatchObject({ looseKeys: 0, archivedKeys: COUNT, inodes: 1 })
  expect(most).toBeLessThan(MOST)
  expect(await verifyArchive(dataset)).toEqual({ members: COUNT, bytes: 8 * COUNT, bad: [], misplaced: [] })
})
