import { hash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { packNew } from '../../../src/admin/compaction/pack-new.ts'
import { Archive } from '../../../src/archive/archive.ts'
import { IndexCache } from '../../../src/archive/index/index-cache.ts'
import { ArchivedKeys } from '../../../src/bulk/archived-keys.ts'
import { type Clone, openClone } from '../../../src/bulk/clone/clone.ts'
import { feed, startProgram } from '../../../src/bulk/clone/programs.ts'
import { WorkDirectory } from '../../../src/bulk/clone/work-directory.ts'
import type { Fetch } from '../../../src/bulk/fetch.ts'
import { fetchArchived } from '../../../src/bulk/fetch-archived.ts'
import type { OpenRemote } from '../../../src/bulk/open-remote.ts'
import { Recorder } from '../../../src/bulk/records/recorder.ts'
import { findKeys } from '../../../src/bulk/wanted.ts'
import { logPath, repositoriesIn } from '../../../src/core/records/location-log.ts'
import { KeyTable } from '../../../src/core/tables/key-table.ts'
import { archivePath, datasetDirectory } from '../../../src/ria/layout/paths.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import type { Store } from '../../../src/store/store.ts'
import { keyMembers, type LargeArchive, writeLargeArchive } from '../../support/archives/large-archive.ts'
import { type AnnexRepo, makeAnnexRepo } from '../../support/repos/annex-repo.ts'
import { watchMemory } from '../../support/shared/watch-memory.ts'
import { makeWorkspace, type Workspace } from '../../support/worlds/workspace.ts'

const COUNT = Number(process.env.RIASTORE_MANY_KEYS ?? 1_000_000)
const STORE = '0f6aa3d5-6d5f-4e0e-8f0a-1a2b3c4d5e6f'
const DATASET = '11111111-2222-3333-4444-555555555555'
const OTHER = '11111111-2222-3333-4444-666666666666'

/** What the whole takes, the test's own process aside. Bytes. */
const MOST = 400e6

/** Their content is nothing but a hole in the archive: it is made, and moved nowhere. */
const members: LargeArchive = { ...keyMembers(COUNT), size: () => 8 }
const keyOf = (member: number) => members.name(member).replace(/^.*\//, '')

let workspace: Workspace
let repo: AnnexRepo
let clone: Clone
let store: Store
beforeAll(async () => {
  workspace = await makeWorkspace()
  Object.assign(process.env, workspace.env)
  repo = await makeAnnexRepo(workspace, 'repo')
  clone = await openClone(repo.path)
  await recordInBranch()
  store = openLocalStore({ root: workspace.path('store') })
  await mkdir(workspace.path('store', datasetDirectory(DATASET), 'archives'), { recursive: true })
  await writeLargeArchive(workspace.path('store', archivePath(datasetDirectory(DATASET))), members)
}, 1_800_000)
afterAll(async () => {
  await store?.close()
  await workspace?.remove()
})

/** That the store has each key: as git-annex writes it, all with one commit. */
async function recordInBranch(): Promise<void> {
  const started = startProgram('git', ['fast-import', '--quiet'], { cwd: repo.path, stdin: 'pipe' })
  const log = `1700000000s 1 ${STORE}\n`
  const commit = async function* () {
    yield `commit refs/heads/git-annex\ncommitter A <a@example.com> 1700000000 +0000\ndata 0\nfrom refs/heads/git-annex^0\n`
    for (let i = 0; i < COUNT; i++) yield `M 100644 inline ${logPath(keyOf(i))}\ndata ${log.length}\n${log}\n`
  }
  await feed(started.stdin, commit())
  await started.ended
}

describe(`${COUNT} keys, in an archive`, () => {
  test('are listed, planned and recorded in 400 MB, whatever is done with their content', async () => {
    const peak = watchMemory()
    const table = new KeyTable()
    const all = { paths: [], cwd: repo.path, matching: [], all: true, keys: [] }
    await findKeys(clone, all, 'not here', table)
    expect(table.size).toBe(COUNT)

    const work = WorkDirectory.open(clone.annexDirectory)
    const recorder = new Recorder({ clone, work, table, uuid: clone.uuid })
    let inStore = 0
    await recorder.prepare(numbers(), (_number, log) => {
      if (repositoriesIn(log).has(STORE)) inStore += 1
      return true
    })
    expect(inStore).toBe(COUNT)

    let read = 0
    await readArchive(table, async () => {
      read += 1
    })
    expect(read).toBe(COUNT)

    await recorder.commit([...numbers()])
    work.close(true)
    const most = peak()
    console.log(`get: ${Math.round(most / 1e6)} MB`)
    expect(most).toBeLessThan(MOST)
    // By its records: the content is not here.
    const { stdout } = await repo.annex('findkeys', '--copies=2', '--format=x')
    expect(stdout.length).toBe(COUNT)
  })
})

test(`${COUNT} keys are put into a new archive, read back and recorded in 400 MB, whatever was read of their content`, async () => {
  const peak = watchMemory()
  const table = new KeyTable()
  for (const number of numbers()) table.add(`MD5E-s8--${hash('md5', eightBytes(number), 'hex')}.dat`)
  const work = WorkDirectory.open(clone.annexDirectory)
  const recorder = new Recorder({ clone, work, table, uuid: STORE })
  await recorder.prepare(numbers())
  const directory = datasetDirectory(OTHER)
  await mkdir(workspace.path('store', directory))
  const keys = {
    limit: COUNT,
    numbers,
    text: (number: number) => table.text(number),
    size: () => 8,
    read: eightBytes,
  }
  let packed = 0
  await packNew(new StoredDataset(store, directory), keys, {
    version: '2',
    onPacked: () => {
      packed += 1
    },
  })
  expect(packed).toBe(COUNT)
  await recorder.commit([...numbers()])
  work.close(true)
  const most = peak()
  console.log(`put --archive: ${Math.round(most / 1e6)} MB`)
  expect(most).toBeLessThan(MOST)
})

function eightBytes(number: number): Buffer {
  return Buffer.from(String(number).padStart(8))
}

function* numbers(): IterableIterator<number> {
  for (let number = 0; number < COUNT; number++) yield number
}

/** Reads the keys in the order of the archive. Their content is not what it should be. */
async function readArchive(table: KeyTable, onKey: () => Promise<void>): Promise<void> {
  const directory = datasetDirectory(DATASET)
  const cache = new IndexCache({ directory: workspace.path('index'), maxBytes: 1e9 })
  const stat = await store.stat(archivePath(directory))
  const archive = await Archive.open(store, archivePath(directory), { cache, stat })
  try {
    const keys = await ArchivedKeys.find(archive, table, numbers(), new Set())
    const remote = { store, directory } as OpenRemote
    const fetch = { keep: onKey, fetch: onKey, fetchCopy: onKey } as unknown as Fetch
    await fetchArchived({ remote, archive, keys }, table, fetch, {
      readsAtOnce: 4,
      signal: undefined,
      onKey: (_number, bring) => bring(),
    })
  } finally {
    await archive.close()
  }
}
