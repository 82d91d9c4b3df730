import { expect, test } from 'vitest'
import { compact } from '../../../src/admin/compaction/compact.ts'
import { describeDataset } from '../../../src/admin/inventory/describe.ts'
import { TotalsCounter } from '../../../src/admin/inventory/totals.ts'
import { readRemote } from '../../../src/git/read-remote.ts'
import { allDatasets, eachDataset } from '../../../src/ria/layout/datasets.ts'
import type { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { openMemoryStore } from '../../../src/store/memory.ts'
import type { Store } from '../../../src/store/store.ts'
import { commitFiles } from '../../support/repos/memory-repository.ts'
import { put, withTraits } from '../../support/stores/memory-dataset.ts'
import { withMethods } from '../../support/stores/stores.ts'

/** What S3 answers with at once. */
const PAGE_OBJECTS = 1000

/** A bucket, as far as requests go: a call is one, and so is each thousand of a list. */
function counting(store: Store) {
  const listed: string[] = []
  let requests = 0
  const count = <T>(work: T): T => {
    requests += 1
    return work
  }
  async function* inPages<T>(entries: AsyncIterable<T>): AsyncGenerator<T, void, void> {
    requests += 1
    let seen = 0
    for await (const entry of entries) {
      if (seen > 0 && seen % PAGE_OBJECTS === 0) requests += 1
      seen += 1
      yield entry
    }
  }
  const counted = withMethods(store, {
    stat: (...all) => count(store.stat(...all)),
    statAll: async (paths, ...more) => Promise.all(paths.map((path) => counted.stat(path, ...more))),
    get: (...all) => count(store.get(...all)),
    list: (path, ...more) => {
      listed.push(path)
      return inPages(store.list(path, ...more))
    },
    children: (...all) => inPages(store.children(...all)),
  })
  return { store: withTraits(counted, { flat: true, local: false }), listed, requests: () => requests }
}

async function bucket(datasets: number, keys: number) {
  const store = openMemoryStore()
  await put(store, 'ria-layout-version', '1\n')
  for (let n = 0; n < datasets; n++) {
    const directory = `${String(n).padStart(3, '0')}/00000-0000-4000-8000-000000000000`
    await put(store, `${directory}/ria-layout-version`, '2\n')
    await commitFiles(store, directory, { 'README.md': '# A dataset\n' })
    for (let key = 0; key < keys; key++) {
      const name = `WORM-s1-m${key}--${n}`
      await put(store, `${directory}/annex/objects/a${key % 10}/bb/${name}/${name}`, 'x')
    }
  }
  return counting(store)
}

const commands = {
  ls: async (store: Store) => {
    for await (const dataset of eachDataset(store)) await describeDataset(dataset)
  },
  'show --all': async (store: Store) => {
    for (const dataset of await allDatasets(store)) await readRemote(dataset)
  },
  stat: async (store: Store) => {
    const counter = new TotalsCounter()
    for await (const dataset of eachDataset(store)) await counter.count(dataset)
  },
  'archive --all --dry-run': async (store: Store) => {
    const look = (dataset: StoredDataset) => compact(dataset, { dryRun: true, level: 0 })
    for (const dataset of await allDatasets(store)) await look(dataset)
  },
}

async function requestsOf(command: keyof typeof commands, datasets: number, keys: number) {
  const seen = await bucket(datasets, keys)
  await commands[command](seen.store)
  return seen
}

test.each([
  ['ls', 20],
  ['show --all', 16],
  ['stat', 3],
  ['archive --all --dry-run', 8],
] as const)('%s asks a bucket no more than %i times for a dataset', async (command, most) => {
  const [few, more] = [await requestsOf(command, 3, 20), await requestsOf(command, 6, 20)]
  expect((more.requests() - few.requests()) / 3).toBeLessThanOrEqual(most)
  // The rest does not grow with the datasets.
  expect(few.requests()).toBeLessThanOrEqual(3 * most + 10)
})

test.each(['ls', 'show --all'] as const)('%s lists no keys of a bucket', async (command) => {
  const [few, many] = [await requestsOf(command, 2, 5), await requestsOf(command, 2, 300)]
  expect(many.requests()).toBe(few.requests())
  expect(many.listed.filter((path) => !/\/(refs|riastore\/refs)$/.test(path))).toEqual([])
})

test.each(['stat', 'archive --all --dry-run'] as const)(
  '%s lists a dataset at a time, never a bucket',
  async (command) => {
    const { listed } = await requestsOf(command, 2, 5)
    expect(listed.filter((path) => !/^\d{3}\/00000/.test(path))).toEqual([])
  },
)
