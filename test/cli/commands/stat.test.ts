import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sax from 'sax'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { inventoryFile } from '../../../src/admin/inventory/kept-inventory.ts'
import { plotOf } from '../../../src/cli/commands/stat/plot.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import type { Store } from '../../../src/store/store.ts'
import { objectsOf, riastore } from '../../support/programs/console-double.ts'
import { annexLink, commitFiles } from '../../support/repos/memory-repository.ts'
import { CONTENT, DIRECTORY, ID, KEY, PLACE } from '../../support/stores/memory-dataset.ts'
import { write } from '../../support/stores/stores.ts'

const OTHER = '11111111-2222-3333-4444-555555555555'
const OTHERS = `111/${OTHER.slice(3)}`

let root: string
let store: Store
const cache = process.env.XDG_CACHE_HOME

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'riastore-stat-'))
  process.env.XDG_CACHE_HOME = join(root, 'cache')
  await mkdir(join(root, 'store'))
  store = openLocalStore({ root: join(root, 'store') })
  await write(store, 'ria-layout-version', '1\n')
  for (const directory of [DIRECTORY, OTHERS]) await write(store, `${directory}/ria-layout-version`, '2\n')
  await write(store, PLACE, CONTENT)
})
afterEach(async () => {
  if (cache === undefined) delete process.env.XDG_CACHE_HOME
  else process.env.XDG_CACHE_HOME = cache
  await store.close()
  await rm(root, { recursive: true, force: true })
})

const at = () => join(root, 'store')
const history = () => join(root, 'history.jsonl')
const summaryOf = async (...args: string[]) =>
  objectsOf(await riastore(['stat', '--json', ...args, at()]), 'summary')[0]
const linesOf = async () =>
  (await readFile(history(), 'utf8'))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

/** Has the runs that are in the history have happened so much earlier. */
async function age(days: number): Promise<void> {
  const lines = (await linesOf()).map((line) =>
    JSON.stringify({ ...line, time: new Date(Date.parse(line.time) - days * 86_400_000).toISOString() }),
  )
  await writeFile(history(), `${lines.join('\n')}\n`)
}

test('ends its JSON with all of the store, inodes and times with it', async () => {
  const { stdout } = await riastore(['stat', '--json', at()])
  expect(objectsOf({ stdout }).at(-1)).toMatchObject({
    type: 'summary',
    datasets: 2,
    keys: 1,
    bytes: 22,
    failed: 0,
    files: 3,
    inodes: 10,
    stale: 0,
    trash: 0,
    free: expect.any(Number),
    oldestFile: expect.stringMatching(/^\d{4}-.*Z$/),
    counted: expect.stringMatching(/^\d{4}-.*Z$/),
  })
  expect(objectsOf({ stdout }, 'summary')[0]).not.toHaveProperty('kept')
})

test('tells again what it counted not long ago, says how long, and counts anew when it is told to', async () => {
  expect(await summaryOf()).toMatchObject({ keys: 1 })
  await write(store, `${OTHERS}${PLACE.slice(DIRECTORY.length)}`, CONTENT)
  const again = await riastore(['stat', at()])
  expect(again.stdout).toMatch(/^counted \d+ s ago, at 20\d\d-.* UTC; --refresh counts anew\n/)
  expect(await summaryOf()).toMatchObject({ keys: 1, kept: true, ageSeconds: expect.any(Number) })
  expect((await riastore(['stat', '--prometheus', at()])).stdout).toMatch(/^riastore_counted_seconds\{.*\} \d+$/m)
  expect((await riastore(['stat', '--report', at()])).stdout).toMatch(/^Counted by an earlier run, at 20/m)
  expect(await summaryOf('--max-age', '0s')).toMatchObject({ keys: 2 })
  await store.remove(PLACE, { pruneParents: 4 })
  expect(await summaryOf('--refresh')).toMatchObject({ keys: 1 })
})

test('what was asked for by name, in part, or with failures is neither kept nor told from what was kept', async () => {
  await riastore(['stat', at(), ID])
  await riastore(['stat', '--shard', '1/2', at()])
  expect(await readdir(join(root, 'cache/riastore/inventory')).catch(() => [])).toEqual([])
  await riastore(['stat', at()])
  await store.remove(PLACE, { pruneParents: 4 })
  const { stdout } = await riastore(['stat', '--json', at(), ID])
  expect(objectsOf({ stdout }, 'summary')[0]).toMatchObject({ datasets: 1, keys: 0 })
})

test.each([
  ['that is cut off', (text: string) => text.slice(0, -20)],
  ['that lacks a dataset', (text: string) => text.split('\n').toSpliced(1, 1).join('\n')],
  ['of another store', (text: string) => text.replace('"root":"', '"root":"/other')],
  ['of a time that is yet to come', (text: string) => text.replace('"countedMs":', '"countedMs":9')],
  ['of another version', (text: string) => text.replace('"inventory":1', '"inventory":2')],
])('an inventory %s is not believed', async (_what, change) => {
  await riastore(['stat', at()])
  const file = inventoryFile(at())
  await writeFile(file, change(await readFile(file, 'utf8')))
  expect(await summaryOf()).not.toHaveProperty('kept')
})

test('a directory into which nothing can be kept is no reason to fail', async () => {
  await writeFile(join(root, 'cache'), 'a file')
  expect((await riastore(['stat', at()])).code).toBe(0)
})

test('counts keys that no ref names where it is told to, and says so where nobody looked', async () => {
  const loose = join(root, 'store', PLACE)
  await commitFiles(store, DIRECTORY, { 'x.dat': annexLink(KEY.replace('s22', 's23')) })
  await utimes(loose, 1_600_000_000, 1_600_000_000)
  expect((await riastore(['stat', at()])).stdout).toMatch(/^ {2}unused +\? +--unused$/m)
  expect(await summaryOf('--unused')).toMatchObject({ unused: 1, unusedBytes: 22 })
  expect((await riastore(['stat', at()])).stdout).toMatch(/^ {2}unused +1 +22 B$/m)
})

test('a history has a line for what changed since its last run, and one that ends the run', async () => {
  await riastore(['stat', '--history', history(), at()])
  expect((await linesOf()).map(({ type, dataset }) => dataset ?? type)).toEqual([OTHER, ID, 'summary'])
  await riastore(['stat', '--history', history(), at()])
  expect(await linesOf()).toHaveLength(3) // the same inventory
  await age(1)
  await write(store, `${OTHERS}/new`, 'x'.repeat(5000))
  const { stdout } = await riastore(['stat', '--refresh', '--history', history(), at()])
  expect((await linesOf()).slice(3)).toEqual([
    expect.objectContaining({ type: 'dataset', dataset: OTHER, store: at(), files: 2, fileBytes: 5002 }),
    expect.objectContaining({ type: 'summary', datasets: 2, keys: 1, bytes: 22, fileBytes: 5026 }),
  ])
  expect(stdout).toMatch(new RegExp(`fastest growing .*\\n${OTHER} +\\+4\\.9 KiB +\\+4\\.9 KiB +4\\.9 KiB\\n`))
  await age(1)
  await rm(join(root, 'store', OTHERS), { recursive: true })
  expect(await summaryOf('--refresh', '--history', history())).toMatchObject({ datasets: 1, grown: -5002 })
  expect((await linesOf()).at(-2)).toMatchObject({ dataset: OTHER, gone: true })
})

test('a run that was killed while it wrote is no run, and the next one is whole', async () => {
  await riastore(['stat', '--history', history(), at()])
  await age(1)
  const [line] = await linesOf()
  await appendFile(history(), JSON.stringify({ ...line, time: new Date(0).toISOString(), fileBytes: 1e9 }))
  await appendFile(history(), '\n{"type":"data')
  await write(store, `${OTHERS}/new`, 'x'.repeat(1000))
  expect(await summaryOf('--refresh', '--history', history())).toMatchObject({ grown: 1000 })
  expect((await readFile(history(), 'utf8')).trim().split('\n').at(-1)).toMatch(/"type":"summary"/)
})

test('compares with the last run that is as old as was asked for, else with the first', async () => {
  for (const size of [1000, 2000, 3000]) {
    await write(store, `${OTHERS}/new`, 'x'.repeat(size))
    await riastore(['stat', '--refresh', '--history', history(), at()])
    await age(10)
  }
  await write(store, `${OTHERS}/new`, 'x'.repeat(4000))
  expect(await summaryOf('--refresh', '--history', history())).toMatchObject({ grown: 1000 })
  expect(await summaryOf('--history', history(), '--since', '15d')).toMatchObject({ grown: 2000 })
  expect(await summaryOf('--history', history(), '--since', '20d')).toMatchObject({ grown: 2000 })
  expect(await summaryOf('--history', history(), '--since', '1000d')).toMatchObject({ grown: 3000 })
})

/** What is read of an SVG, by a strict parser. */
function textsOf(svg: string): string[] {
  const texts: string[] = []
  const parser = sax.parser(true)
  parser.ontext = (text) => texts.push(text.trim())
  parser.onerror = (error) => {
    throw error
  }
  parser.write(svg).close()
  return texts.filter((text) => text !== '')
}

test('draws how the store grew, by dataset, from the first run on', async () => {
  const plot = join(root, 'growth.svg')
  const draw = () => riastore(['stat', '--refresh', '--history', history(), '--plot', plot, at()])
  await riastore(['alias', 'set', at(), OTHER, 'a<b&c'])
  expect((await draw()).code).toBe(0)
  expect(textsOf(await readFile(plot, 'utf8'))).toContainEqual(expect.stringMatching(/for the first time/))
  await age(40)
  await write(store, `${OTHERS}/new`, 'x'.repeat(5000))
  await draw()
  const texts = textsOf(await readFile(plot, 'utf8'))
  expect(texts).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/: 5\.\d KiB in 2 datasets$/),
      expect.stringMatching(/^counted on .*: \+4\.9 KiB since .*, 2 runs$/),
      expect.stringMatching(/^~a<b&c {2}5\.\d KiB$/),
      `${ID.slice(0, 19)}…  24 B`,
    ]),
  )
  expect(texts.join()).not.toMatch(/NaN|undefined/)
})

test.each([
  [1.2 * 1024 ** 4, '200 GiB', '1200 GiB'],
  [30 * 1024 ** 2, '10 MiB', '30 MiB'],
  [700, '200 B', '600 B'],
  [0, '0 B', '1 B'],
])('a store of %d bytes has an axis of round sizes', (fileBytes, ...ticks) => {
  const point = { timeMs: Date.parse('2026-03-01T00:00:00Z'), datasets: 1, fileBytes, of: new Map() }
  const texts = textsOf(plotOf('/store', [point], []))
  expect(texts).toEqual(expect.arrayContaining(ticks))
  expect(texts.join()).not.toMatch(/NaN|undefined|\d\.\d GiB,/)
})

test('writes a page that says what can be done', async () => {
  const left = `${OTHERS}/ora-remote-x/transfer/upload`
  await write(store, left, 'half')
  await utimes(join(root, 'store', left), 1_600_000_000, 1_600_000_000)
  await riastore(['stat', '--history', history(), at()])
  await age(1)
  const { stdout } = await riastore(['stat', '--refresh', '--report', '--history', history(), at()])
  const [head, rule, counted] = stdout.split('\n')
  expect([head, rule]).toEqual([`${at()}: 30 B in 2 datasets`, '='.repeat(head?.length ?? 0)])
  expect(counted).toMatch(/^Counted at .* UTC\. Since .* UTC: nothing, 0 new datasets\.$/)
  expect(stdout).toContain(`- 1 stale leftover, 4 B. To look: riastore check ${at()}\n`)
  expect(stdout.split('\n').every((line) => line.length < 100)).toBe(true)
})

test('options that do not go together, or want another one, are refused before anything is counted', async () => {
  for (const [args, message] of [
    [['--plot', 'x.svg'], /--plot wants --history/],
    [['--since', '3d'], /--since wants --history/],
    [['--report', '--json'], /do not go together/],
    [['--report', '--prometheus'], /do not go together|cannot/],
    [['--refresh', '--max-age', '3d'], /do not go together|cannot/],
    [['--max-age', 'long'], /is no age/],
  ] as const) {
    const { code, stderr } = await riastore(['stat', ...args, at()])
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)])
  }
  expect(await stat(inventoryFile(at())).catch(() => undefined)).toBeUndefined()
})

test('a history that cannot be read is told, and is left as it is', async () => {
  await mkdir(history())
  const { code, stderr } = await riastore(['stat', '--history', history(), at()])
  expect([code, stderr]).toEqual([2, expect.stringContaining(`--history ${history()}: `)])
})

test('says what is append-only, store and datasets, and until when, wherever it tells something', async () => {
  await write(store, 'ria-layout-version', '1|la\n')
  await write(store, `${DIRECTORY}/ria-layout-version`, '2|a29991231\n')
  await write(store, `${OTHERS}/ria-layout-version`, '2|a20200101\n') // its last day is past
  const lines = [
    'append-only: riastore removes and replaces nothing in it\n',
    `append-only datasets: ${ID} until 2999-12-31\n`,
  ]
  for (const form of [[], ['--report']]) {
    const { stdout } = await riastore(['stat', ...form, at()])
    for (const line of lines) expect(stdout).toContain(line)
    expect(stdout).not.toContain('versioning')
  }
  const { stdout } = await riastore(['stat', '--json', at()])
  const [first, second] = objectsOf({ stdout }, 'dataset').sort(
    (a, b) => Number(a.dataset === ID) - Number(b.dataset === ID),
  )
  expect([first?.appendOnly, second]).toMatchObject([undefined, { appendOnly: true, appendOnlyUntil: '2999-12-31' }])
  expect(objectsOf({ stdout }, 'summary')[0]).toMatchObject({ appendOnly: true, appendOnlyDatasets: 1 })
  const metrics = (await riastore(['stat', '--prometheus', at()])).stdout
  expect(metrics).toMatch(/^riastore_append_only\{store="[^"]+"\} 1$/m)
  expect(metrics).toMatch(/^riastore_append_only_datasets\{store="[^"]+"\} 1$/m)
})
