import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { Interrupted } from '../../../../src/cli/terminal.ts'
import { openLocalStore } from '../../../../src/store/local/local.ts'
import type { Store } from '../../../../src/store/store.ts'
import { objectsOf, riastore } from '../../../support/programs/console-double.ts'
import { CONTENT, KEY } from '../../../support/stores/memory-dataset.ts'
import { write } from '../../../support/stores/stores.ts'

const IDS = Array.from({ length: 12 }, (_, n) => `${n.toString(16)}1111111-2222-3333-4444-555555555555`)
const KEY_BELOW = `annex/objects/W8/p2/${KEY}/${KEY}`

let root: string
let store: Store
const state = process.env.XDG_STATE_HOME

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'riastore-portions-'))
  process.env.XDG_STATE_HOME = join(root, 'state')
  await mkdir(join(root, 'store'))
  store = openLocalStore({ root: join(root, 'store') })
  await write(store, 'ria-layout-version', '1\n')
  for (const id of IDS) {
    await write(store, `${directoryOf(id)}/ria-layout-version`, '2\n')
    await write(store, `${directoryOf(id)}/HEAD`, 'ref: refs/heads/main\n')
    await write(store, `${directoryOf(id)}/${KEY_BELOW}`, CONTENT)
  }
})
afterEach(() => rm(join(root, 'state'), { recursive: true, force: true }))
afterAll(async () => {
  if (state === undefined) delete process.env.XDG_STATE_HOME
  else process.env.XDG_STATE_HOME = state
  await store?.close()
  await rm(root, { recursive: true, force: true })
})

const directoryOf = (id: string) => `${id.slice(0, 3)}/${id.slice(3)}`
const at = () => join(root, 'store')
const records = () => readdir(join(root, 'state/riastore/runs')).catch(() => [])
const datasetsOf = (ran: { stdout: string }) => objectsOf(ran, 'dataset').map(({ dataset }) => dataset)

/** A layout file that says nothing: the dataset cannot be worked on. */
async function whileBroken(id: string, work: () => Promise<void>): Promise<void> {
  const layout = `${directoryOf(id)}/ria-layout-version`
  await write(store, layout, '')
  try {
    await work()
  } finally {
    await write(store, layout, '2\n')
  }
}

test.each([
  ['ls', '--json'],
  ['stat', '--json'],
  ['show', '--all', '--json'],
  ['archive', '--all', '--dry-run', '--json'],
])('the shards of %s are all datasets together, each in one, and the same ones each time', async (...command) => {
  const seen: unknown[] = []
  for (const shard of ['1/3', '2/3', '3/3']) {
    const ran = await riastore([...command, '--shard', shard, at()])
    expect(ran.code, ran.stderr).toBe(0)
    const found = datasetsOf(ran)
    expect(found.length).toBeLessThan(IDS.length)
    seen.push(...found)
  }
  expect(seen.toSorted()).toEqual(IDS)
})

test.each(['0/3', '4/3', '3', '1/x'])('--shard %s is none, and nothing is done', async (shard) => {
  const { code, stderr } = await riastore(['check', '--shard', shard, at()])
  expect([code, stderr]).toEqual([2, expect.stringContaining('1/8 (the first of eight parts)')])
})

const UNPACK = ['unarchive', '--all', '--yes', '--json', '--resume']

/** Runs it until it has printed so many lines, and then interrupts it. */
async function cutAfter(lines: number, args: readonly string[]) {
  const stop = new AbortController()
  let seen = 0
  const onPrint = () => {
    seen += 1
    if (seen === lines) stop.abort(new Interrupted('SIGTERM'))
  }
  const ran = await riastore(args, { signal: stop.signal, onPrint })
  expect(ran.code).toBe(143)
  expect(await records()).toHaveLength(1)
}

test('a run that was cut goes on with what it had not done, and a run that came to its end begins anew', async () => {
  await cutAfter(3, [...UNPACK, at()])
  const second = await riastore([...UNPACK, at()])
  expect([second.code, ...objectsOf(second, 'summary')]).toEqual([
    0,
    expect.objectContaining({ datasets: IDS.length - 3, resumed: 3 }),
  ])
  expect(await records()).toEqual([])
  expect(objectsOf(await riastore([...UNPACK, at()]), 'summary')[0]).toMatchObject({ datasets: IDS.length })
})

test('stat counts with what it had counted before it was cut', async () => {
  const stat = ['stat', '--json', '--resume', at()]
  await cutAfter(4, stat)
  expect(objectsOf(await riastore(stat), 'summary')[0]).toMatchObject({ keys: IDS.length, resumed: 4 })
})

test('what check had found before it was cut still counts', async () => {
  const check = ['check', '--json', '--no-progress', '--resume', at()]
  const path = `${directoryOf(IDS[0] ?? '')}/${KEY_BELOW}`
  await write(store, path, 'short')
  try {
    await cutAfter(1, check)
  } finally {
    await write(store, path, CONTENT)
  }
  const second = await riastore(check)
  expect([second.code, objectsOf(second, 'finding'), await records()]).toEqual([3, [], []])
})

test('the record lies where the user says, and is not taken for that of another run', async () => {
  const [broken = ''] = IDS
  const file = join(root, 'run.state')
  await whileBroken(broken, async () => {
    expect((await riastore(['archive', '--all', '--list', '--resume', '--state', file, at()])).code).toBe(1)
  })
  expect((await readFile(file, 'utf8')).split('\n').filter((line) => line !== '')).toHaveLength(IDS.length)
  const other = await riastore(['archive', '--all', '--verify', '--resume', '--state', file, at()])
  expect([other.code, other.stderr]).toEqual([2, expect.stringMatching(/run\.state is of another run than this/)])
  const again = await riastore(['archive', '--all', '--list', '--json', '--resume', '--state', file, at()])
  expect(objectsOf(again, 'summary')).toEqual([expect.objectContaining({ datasets: 1, resumed: IDS.length - 1 })])
  await expect(readFile(file)).rejects.toMatchObject({ code: 'ENOENT' })
})

test('a record that is a week old is left aside, and a line that was cut off is no dataset', async () => {
  const [broken = ''] = IDS
  const file = join(root, 'old.state')
  const run = ['archive', '--all', '--list', '--json', '--resume', '--state', file, at()]
  const summaryOf = async () => objectsOf(await riastore(run), 'summary')[0]
  await whileBroken(broken, async () => {
    await riastore(run)
    const lines = (await readFile(file, 'utf8')).trimEnd()
    await writeFile(file, lines.slice(0, -5))
    expect(await summaryOf()).toMatchObject({ datasets: 2, resumed: IDS.length - 2 })
    await utimes(file, 0, 0)
    expect(await summaryOf()).toMatchObject({ datasets: IDS.length })
  })
})
