import { hash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { AnnexPartials } from '../../../src/bulk/clone/annex-partials.ts'
import { DiskSpace } from '../../../src/bulk/clone/disk-space.ts'
import { WorkDirectory } from '../../../src/bulk/clone/work-directory.ts'
import { Fetch } from '../../../src/bulk/fetch.ts'
import type { OpenRemote } from '../../../src/bulk/open-remote.ts'
import { fetchTogether } from '../../../src/bulk/small/fetch-together.ts'
import { Bandwidth } from '../../../src/core/bandwidth.ts'
import { GitConfig } from '../../../src/core/git-config.ts'
import { forEachParallel } from '../../../src/core/parallel.ts'
import { KeyTable } from '../../../src/core/tables/key-table.ts'
import { keyPaths } from '../../../src/ria/layout/paths.ts'
import { openMemoryStore } from '../../../src/store/memory.ts'
import type { Store } from '../../../src/store/store.ts'

const DIRECTORY = '111/1111'

const keys = Array.from({ length: 100 }, (_, i) => {
  const content = `content ${i}\n`.repeat(i)
  return { content, text: `MD5E-s${content.length}--${hash('md5', content)}` }
})
const pathOf = (i: number) => keyPaths(DIRECTORY, '2', keys[i]?.text ?? '')[0] ?? ''
const numberAt = new Map(keys.map((_key, i) => [pathOf(i), i]))

let annex: string
let asked: number[]
let answer: (i: number) => Promise<Uint8Array | undefined>
beforeEach(() => {
  annex = mkdtempSync(join(tmpdir(), 'riastore-fetch-small-'))
  asked = []
  answer = async (i) => Buffer.from(keys[i]?.content ?? '')
})
afterEach(() => rmSync(annex, { recursive: true }))

const getSmall: Store['getSmall'] = async (files, { atOnce, onContent }) => {
  await forEachParallel(files.entries(), atOnce, async ([index, { path, size }]) => {
    const i = numberAt.get(path) ?? -1
    asked.push(i)
    expect(size).toBe(keys[i]?.content.length)
    const content = await answer(i)
    if (content !== undefined) onContent(index, content)
  })
}

/** The numbers of the keys that came, each with its content. */
async function fetched({
  bytesPerSecond,
  jobs,
  came = [],
}: {
  bytesPerSecond?: number
  jobs?: number
  came?: number[]
} = {}): Promise<number[]> {
  const table = new KeyTable()
  for (const { text } of keys) table.add(text)
  const work = WorkDirectory.open(annex)
  const store = { ...openMemoryStore(), getSmall, traits: { ...openMemoryStore().traits, local: false } }
  const remote = { store, directory: DIRECTORY, layout: { dataset: { version: '2' } } } as unknown as OpenRemote
  const fetch = new Fetch(
    {
      remote,
      work,
      partials: {} as AnnexPartials,
      space: new DiskSpace(annex, new GitConfig([])),
      bandwidth: new Bandwidth(bytesPerSecond),
      signal: undefined,
      onBytes: () => {},
    },
    undefined,
  )
  try {
    await fetchTogether(remote, table, keys.keys(), fetch, {
      jobs,
      onKept: (number) => {
        came.push(number)
        expect(readFileSync(work.keyFile(table.text(number)), 'utf8')).toBe(keys[number]?.content)
        return undefined
      },
    })
  } finally {
    work.close(true)
  }
  return came.sort((a, b) => a - b)
}

const all = [...keys.keys()]

test('small keys of a store that reads them so come by one request each, and no more than asked for at once', async () => {
  let [now, most] = [0, 0]
  answer = async (i) => {
    now += 1
    most = Math.max(most, now)
    await new Promise(setImmediate)
    now -= 1
    return Buffer.from(keys[i]?.content ?? '')
  }
  expect(await fetched({ jobs: 3 })).toEqual(all)
  expect(asked.sort((a, b) => a - b)).toEqual(all)
  expect(most).toBe(3)
})

test('what is not the content of its key is not kept, and what does not come is left to others', async () => {
  const [damaged, longer, absent] = [10, 11, 12] as const
  answer = async (i) => {
    const right = Buffer.from(keys[i]?.content ?? '')
    if (i === damaged) return Buffer.alloc(right.length, 'x')
    if (i === longer) return Buffer.concat([right, right])
    return i === absent ? undefined : right
  }
  expect(await fetched()).toEqual(all.filter((i) => i < damaged || i > absent))
})

test('where none of the first ones comes, the others are not asked for in this way', async () => {
  answer = async () => undefined
  expect(await fetched({ jobs: 1 })).toEqual([])
  expect(asked).toHaveLength(32)
})

test('that some do not come here and there does not keep the others from coming', async () => {
  answer = async (i) => (i % 2 === 0 ? undefined : Buffer.from(keys[i]?.content ?? ''))
  expect(await fetched()).toEqual(all.filter((i) => i % 2 === 1))
  expect(asked).toHaveLength(all.length)
})

test('what came before a store stalled counts as come', async () => {
  const came: number[] = []
  answer = async (i) => {
    if (i === 5) throw new Error('no progress')
    return Buffer.from(keys[i]?.content ?? '')
  }
  await expect(fetched({ jobs: 1, came })).rejects.toThrow('no progress')
  expect(came).toEqual([0, 1, 2, 3, 4])
})

test('a store that says that nothing moves any more is not asked for the rest', async () => {
  answer = async (i) => {
    if (i === 5) throw new Error('no progress')
    return Buffer.from(keys[i]?.content ?? '')
  }
  await expect(fetched({ jobs: 1 })).rejects.toThrow('no progress')
  expect(asked).toHaveLength(6)
})

test('with a limit to the bytes in a second nothing comes in this way', async () => {
  expect(await fetched({ bytesPerSecond: 1_000_000 })).toEqual([])
  expect(asked).toEqual([])
})
