import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { checkDataset } from '../../../src/admin/check/check-dataset.ts'
import { checkStore } from '../../../src/admin/check/check-store.ts'
import type { Problem } from '../../../src/admin/check/problem.ts'
import { SeenGood } from '../../../src/admin/check/seen-good.ts'
import { parseSubset, type Subset } from '../../../src/admin/check/subset.ts'
import { partOf } from '../../../src/admin/inventory/part.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import type { Store } from '../../../src/store/store.ts'
import { withFaults } from '../../../src/store/wrappers/faulty.ts'
import { annexLink, commitFiles } from '../../support/repos/memory-repository.ts'
import { DAMAGES, DAMAGES_OF_PUSHES, keepRefLog, placeOf } from '../../support/stores/damage.ts'
import { CONTENT, DIRECTORY, ID, KEY, memoryStore, PLACE, put, read } from '../../support/stores/memory-dataset.ts'
import { withMethods } from '../../support/stores/stores.ts'

const OLD = 'MD5-s3--900150983cd24fb0d6963f7d28e17f72'
const victim = (store: Store) => ({ store, directory: DIRECTORY, key: KEY })

let memory: string
beforeEach(async () => {
  memory = await mkdtemp(join(tmpdir(), 'riastore-check-'))
})
afterEach(() => rm(memory, { recursive: true, force: true }))

async function goodStore() {
  const store = await memoryStore()
  await commitFiles(store, DIRECTORY, {
    'sub-01/x.dat': annexLink(KEY),
    '.datalad/config': `[datalad "dataset"]\n\tid = ${ID}\n`,
  })
  await put(store, PLACE, CONTENT)
  await put(store, placeOf({ directory: DIRECTORY, key: OLD }), 'abc')
  return store
}

async function check(store: Store, more: { subset?: Subset; untilMs?: number; data?: boolean } = {}) {
  const problems: Problem[] = []
  const { data = true, ...options } = more
  const dataset = new StoredDataset(store, DIRECTORY, ID)
  const seenGood = await SeenGood.load(memory, dataset)
  await checkStore(store, (problem) => problems.push(problem))
  const report = (problem: Problem) => problems.push(problem)
  const seen = await checkDataset(dataset, report, { data: data ? { ...options, seenGood } : undefined })
  return { problems, seen, seenGood }
}

describe('a store', () => {
  test('that is as it should be has no problems, and what was read is remembered', async () => {
    const { problems, seen, seenGood } = await check(await goodStore())
    expect(problems).toEqual([])
    expect(seen).toEqual({ keys: 2, bytes: 25, checked: 2, checkedBytes: 25, withoutChecksum: 0, left: 0 })
    expect(Date.now() - (seenGood.timeOf(KEY) ?? 0)).toBeLessThan(600_000)
  })

  test.each(Object.keys(DAMAGES))('with damage of the kind %s is told as that, and how it is mended', async (code) => {
    const store = await goodStore()
    await DAMAGES[code]?.(victim(store))
    const { problems } = await check(store)
    expect(problems.map((problem) => problem.code)).toContain(code)
    for (const { message, mend, path } of problems) {
      expect([message, mend, path].every((text) => text !== '' && !text.includes('\n'))).toBe(true)
    }
  })

  test('with half a dataset and a lost alias has no problem in its datasets', async () => {
    const store = await goodStore()
    await DAMAGES['half-dataset']?.(victim(store))
    const { problems } = await check(store)
    expect(problems.map(({ code, path }) => `${code} ${path}`)).toEqual(['half-dataset abc/half'])
  })
})

test('a problem of a key names its file, the place, the key, and when it was last good', async () => {
  const store = await goodStore()
  await check(store)
  await DAMAGES['data-damaged']?.(victim(store))
  const { problems, seenGood } = await check(store)
  expect(problems).toEqual([
    expect.objectContaining({
      code: 'data-damaged',
      file: 'sub-01/x.dat at main',
      key: KEY,
      path: PLACE,
      dataset: ID,
      sinceMs: expect.any(Number),
      message: expect.stringMatching(/it was good on \d{4}-\d\d-\d\d$/),
    }),
  ])
  expect(seenGood.timeOf(KEY)).toBeUndefined()
})

test('without data no content is read, and damage that only content shows is not told', async () => {
  const store = withFaults(await goodStore(), [])
  await DAMAGES['data-damaged']?.(victim(store))
  expect((await check(store, { data: false })).problems).toEqual([])
  expect(store.calls.filter(({ op, path }) => op === 'get' && path === PLACE)).toHaveLength(1) // by the damage
})

test('a share is that of the keys that were read longest ago, so that runs get around', async () => {
  const store = await goodStore()
  const half = parseSubset('50%', Number)
  const first = await check(store, { subset: half })
  expect(first.seen.checked).toBe(1)
  const second = await check(store, { subset: half })
  expect(second.seen.checked).toBe(1)
  expect([KEY, OLD].every((key) => second.seenGood.timeOf(key) !== undefined)).toBe(true)
})

test('parts are told apart by the names of keys, and are all of them together', async () => {
  const store = await goodStore()
  const counts: number[] = []
  for (const part of [1, 2, 3]) counts.push((await check(store, { subset: { part, of: 3 } })).seen.checked ?? 0)
  expect(counts.reduce((all, count) => all + count, 0)).toBe(2)
  expect(partOf(KEY, 3)).toBe(partOf(KEY, 3))
})

test('no more bytes are read than were asked for, and nothing is begun when the time is over', async () => {
  const store = await goodStore()
  expect((await check(store, { subset: { bytes: 24 } })).seen.checked).toBe(1)
  expect((await check(store, { untilMs: Date.now() - 1 })).seen).toMatchObject({ checked: 0, left: 2 })
})

test.each(['0%', '101%', '0/3', '4/3'])('%s is no subset', (text) => {
  expect(() => parseSubset(text, Number)).toThrow(/is none/)
})

test('content that cannot be read here is not called damaged, and stays known as good', async () => {
  const store = await goodStore()
  const { seenGood: before } = await check(store)
  for (const kind of ['unsupported', 'denied'] as const) {
    const { problems, seen, seenGood } = await check(
      withFaults(store, [{ op: 'get', path: PLACE, fail: kind, at: 'before' }]),
    )
    expect(problems.map(({ code, key }) => [code, key])).toEqual([['unreadable', KEY]])
    expect([seen.checked, seen.left]).toEqual([1, 1])
    expect(seenGood.timeOf(KEY)).toBe(Math.floor((before.timeOf(KEY) ?? 0) / 1000) * 1000)
  }
})

test('content that was replaced just when it was to be read is left for another run, and counted', async () => {
  const store = withFaults(await goodStore(), [{ op: 'get', path: PLACE, fail: 'conflict', at: 'before' }])
  const { problems, seen, seenGood } = await check(store)
  expect([problems, seen.checked, seen.left]).toEqual([[], 1, 1])
  expect(seenGood.timeOf(KEY)).toBeUndefined()
})

test('a lock is told as old when its holder shows no life, and what lies with the holder is not to be removed', async () => {
  const store = await goodStore()
  const archives = `${DIRECTORY}/archives`
  await put(store, `${archives}/lock`, '{}')
  await put(store, `${archives}/holder-1/alive`, '')
  await put(store, `${archives}/holder-1/${KEY}`, CONTENT)
  vi.useFakeTimers({ toFake: ['Date'] })
  try {
    vi.setSystemTime(Date.now() + 48 * 3_600_000)
    const { problems } = await check(store, { data: false })
    const told = problems.map(({ code, path, mend }) => [code, path, mend.includes('riastore repair STORE')]).sort()
    expect(told).toEqual([
      ['leftover', `${archives}/holder-1/${KEY}`, true],
      ['leftover', `${archives}/holder-1/alive`, true],
      ['lock', `${archives}/lock`, true],
    ])
    await put(store, `${archives}/holder-1/alive`, '')
    expect((await check(store, { data: false })).problems).toEqual([])
  } finally {
    vi.useRealTimers()
  }
})

test('a store that cannot be reached is an error, and no problem of the dataset', async () => {
  const store = withFaults(await goodStore(), [{ fail: 'unreachable', op: 'get', path: PLACE, times: 100 }])
  await expect(check(store)).rejects.toMatchObject({ kind: 'unreachable' })
})

test.each(Object.keys(DAMAGES_OF_PUSHES))(
  'with damage of the kind %s, where riastore keeps the pushes, it is told as that',
  async (code) => {
    const store = await goodStore()
    const main = (await read(store, `${DIRECTORY}/refs/heads/main`)).toString().trim()
    await store.remove(`${DIRECTORY}/refs/heads/main`)
    await keepRefLog(store, DIRECTORY, { refs: new Map([['refs/heads/main', main]]) })
    if (code === 'dataset-id') await keepRefLog(store, DIRECTORY, { generation: 2 })
    expect((await check(store)).problems).toEqual([])
    await DAMAGES_OF_PUSHES[code]?.(victim(store))
    expect((await check(store)).problems.map((problem) => problem.code)).toContain(code)
  },
)

test('keys that some cannot read, that all can write, or that belong to others, are told once with how many', async () => {
  const store = await goodStore()
  const seen = [
    { uid: 1, gid: 1, mode: 0o444 },
    { uid: 2, gid: 1, mode: 0o446 },
  ]
  const owned = withMethods(store, {
    async *list(directory, options) {
      let count = 0
      for await (const entry of store.list(directory, options)) yield { ...entry, permissions: seen[count++ % 2] }
    },
  })
  const { problems } = await check(owned, { data: false })
  expect(problems.map(({ code, message }) => `${code} ${message}`).sort()).toEqual([
    expect.stringMatching(/^mode 1 of the keys cannot be read/),
    expect.stringMatching(/^owner 1 of the keys belong to other users/),
  ])
})

test('a repository whose refs cannot be read is told as damaged', async () => {
  const store = await goodStore()
  await put(store, `${DIRECTORY}/riastore/refs/0000000001`, 'no JSON')
  expect((await check(store, { data: false })).problems.map(({ code }) => code)).toContain('git-damaged')
})

test('a dataset whose git is elsewhere has no problem, and one that lost its HEAD and its refs is told as damaged', async () => {
  const store = await memoryStore()
  await put(store, PLACE, CONTENT)
  await put(store, `${DIRECTORY}/riastore/incoming/riastore-1-0123456789ab-1.tmp`, 'an upload')
  expect((await check(store)).problems).toEqual([])
  const lost = await goodStore()
  await lost.remove(`${DIRECTORY}/HEAD`)
  for await (const { path } of lost.list(`${DIRECTORY}/refs`)) await lost.remove(path)
  expect((await check(lost)).problems.map(({ code }) => code)).toContain('git-damaged')
})
