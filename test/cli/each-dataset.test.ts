import { setMaxListeners } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { consoleOn } from '../../src/cli/console.ts'
import { type Asked, forEachDataset } from '../../src/cli/each-dataset.ts'
import { parseJsonLines } from '../support/programs/json-schema.ts'
import { temporaryDirectory } from '../support/stores/stores.ts'

const TOPS = 2_000
const IN_EACH = 2

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let ids: string[]
beforeAll(async () => {
  directory = await temporaryDirectory()
  ids = Array.from({ length: TOPS * IN_EACH }, (_, i) => {
    const top = Math.floor(i / IN_EACH)
    return `${top.toString(16).padStart(3, '0')}-${i % IN_EACH}`
  })
  writeFileSync(join(directory.path, 'ria-layout-version'), '1\n')
  for (const id of ids) {
    mkdirSync(placeOf(id), { recursive: true })
    writeFileSync(join(placeOf(id), 'ria-layout-version'), '2\n')
  }
})
afterAll(() => directory.remove())

const placeOf = (id: string) => join(directory.path, id.slice(0, 3), id.slice(3))

/** Runs `work` for all datasets of the store; returns the exit code, and what was printed. */
async function each(work: (id: string) => Promise<number>, asked: Partial<Asked> = {}) {
  const printed: string[] = []
  const { signal } = new AbortController()
  setMaxListeners(0, signal)
  const console = consoleOn(
    {
      columns: 80,
      isTerminal: false,
      signal,
      print: (text) => printed.push(`${text}\n`),
      write: async () => {},
      fail: (message) => printed.push(message),
      note: (message) => printed.push(message),
      confirm: async () => false,
    },
    { json: true },
  )
  const selected = { store: directory.path, datasets: [], all: true, ...asked }
  const code = await forEachDataset(console, selected, { action: 'show' }, ({ name }) => work(name))
  return { code, summary: parseJsonLines(printed.join('')).at(-1) }
}

test('all datasets are worked on in the order of their ids, a shard of them at a time', async () => {
  const parts: string[][] = []
  for (const shard of ['1/2', '2/2']) {
    const seen: string[] = []
    const work = async (id: string) => (seen.push(id) % 1_000 === 0 ? 3 : 0)
    const { code, summary } = await each(work, { shard })
    const problems = Math.floor(seen.length / 1_000)
    expect([code, summary]).toEqual([3, expect.objectContaining({ datasets: seen.length, problems, failed: 0 })])
    expect(seen).toEqual([...seen].sort())
    parts.push(seen)
  }
  expect(parts.flat().sort()).toEqual(ids)
})

test('of many thousand datasets only a few are held while one is worked on', async () => {
  const seen: string[] = []
  await each(async (id) => {
    seen.push(id)
    // Whatever comes after this was known before.
    if (seen.length === 1) for (const other of ids.slice(1)) rmSync(placeOf(other), { recursive: true, force: true })
    return 0
  })
  expect(seen.length).toBeGreaterThanOrEqual(IN_EACH)
  expect(seen.length).toBeLessThan(200)
})
