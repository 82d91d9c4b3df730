import { expect, test } from 'vitest'
import { describeDataset } from '../../../src/admin/inventory/describe.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { withFaults } from '../../../src/store/wrappers/faulty.ts'
import { commitFiles, type GitFile } from '../../support/repos/memory-repository.ts'
import { CONTENT, DIRECTORY, ID, memoryStore, PLACE, put } from '../../support/stores/memory-dataset.ts'

async function storeWith(files: Readonly<Record<string, GitFile>> = {}) {
  const store = await memoryStore()
  await commitFiles(store, DIRECTORY, files)
  return store
}

const described = async (files: Readonly<Record<string, GitFile>>) =>
  describeDataset(new StoredDataset(await storeWith(files), DIRECTORY), { subdatasets: true })

test('a dataset is told by id, aliases, newest commit, layout and keys', async () => {
  const store = await storeWith({ 'a file': 'content' })
  const commit = await commitFiles(store, DIRECTORY, { later: 'x' }, { branch: 'work', committedMs: 1_710_000_000_000 })
  await commitFiles(store, DIRECTORY, { log: 'x' }, { branch: 'git-annex', committedMs: 1_720_000_000_000 })
  await put(store, PLACE, CONTENT)
  const dataset = new StoredDataset(store, DIRECTORY)
  expect(await describeDataset(dataset, { aliases: ['one'], keys: true })).toEqual({
    id: ID,
    aliases: ['one'],
    name: undefined,
    newest: { id: commit, branch: 'work', committedMs: 1_710_000_000_000 },
    branches: 2,
    layout: '2',
    sharing: undefined,
    owner: undefined,
    subdatasets: undefined,
    keys: { loose: 1, looseBytes: CONTENT.length, archived: 0, archivedBytes: 0, archiveBytes: 0 },
    problems: [],
  })
})

test('keys are counted only where that was asked for, and then no other thing is listed whole', async () => {
  const store = withFaults(await storeWith({ 'a file': 'content' }), [])
  const facts = await describeDataset(new StoredDataset(store, DIRECTORY))
  expect(facts.keys).toBeUndefined()
  const listed = store.calls.filter(({ op }) => op === 'list').map(({ path }) => path.slice(DIRECTORY.length + 1))
  expect(listed.filter((path) => path === '' || path.startsWith('annex'))).toEqual(['']) // itself, and not below
})

test('the name is that of BIDS, else the description, else the title of the README', async () => {
  const readme = { 'README.md': '# A study\n\nof things\n' }
  const bids = { 'dataset_description.json': '{"Name": "A BIDS study"}' }
  expect((await described(readme)).name).toBe('A study')
  expect((await described({ ...readme, ...bids })).name).toBe('A BIDS study')
  const store = await storeWith(readme)
  await put(store, `${DIRECTORY}/description`, 'What we call it\n')
  expect((await describeDataset(new StoredDataset(store, DIRECTORY))).name).toBe('What we call it')
  await put(store, `${DIRECTORY}/description`, 'Unnamed repository; edit this file\n')
  expect((await describeDataset(new StoredDataset(store, DIRECTORY))).name).toBe('A study')
})

test('a dataset that is damaged is told of as far as it can be read, with what is wrong', async () => {
  const store = await storeWith({ 'a file': 'content' })
  const commit = await commitFiles(store, DIRECTORY, { other: 'x' }, { branch: 'broken' })
  await put(store, `${DIRECTORY}/objects/${commit.slice(0, 2)}/${commit.slice(2)}`, 'no object')
  const facts = await describeDataset(new StoredDataset(store, DIRECTORY))
  expect(facts).toMatchObject({ layout: '2', branches: 2, newest: undefined })
  expect(facts.problems).toEqual([expect.stringMatching(/the git object [0-9a-f]{40} is damaged/)])
})

test('a store that cannot be reached tells nothing of a dataset', async () => {
  const store = withFaults(await storeWith(), [{ fail: 'unreachable', op: 'get', times: 100 }])
  await expect(describeDataset(new StoredDataset(store, DIRECTORY))).rejects.toMatchObject({ kind: 'unreachable' })
})
