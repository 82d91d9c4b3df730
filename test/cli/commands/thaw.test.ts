import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { KeyThaw, KeyThaws } from '../../../src/admin/inventory/key-thaw.ts'
import { waitForKeys } from '../../../src/cli/commands/thaw/wait.ts'
import { consoleOn } from '../../../src/cli/console.ts'
import { StoreError, type StoreErrorKind } from '../../../src/core/errors.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import type { Store } from '../../../src/store/store.ts'
import { objectsOf, riastore } from '../../support/programs/console-double.ts'
import { annexLink, commitFiles } from '../../support/repos/memory-repository.ts'
import { CONTENT, DIRECTORY, ID, KEY, PLACE } from '../../support/stores/memory-dataset.ts'
import { write } from '../../support/stores/stores.ts'

describe('riastore thaw on a disk', () => {
  let root: string
  let store: Store
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'riastore-thaw-'))
    await mkdir(join(root, 'store'))
    store = openLocalStore({ root: join(root, 'store') })
    await write(store, 'ria-layout-version', '1\n')
    await write(store, `${DIRECTORY}/ria-layout-version`, '2\n')
    const absent = 'MD5E-s7--00000000000000000000000000000000.dat'
    await commitFiles(store, DIRECTORY, {
      'sub-01/x.dat': annexLink(KEY),
      'sub-01/copy.dat': annexLink(KEY),
      'y.dat': annexLink(absent),
      README: 'text',
    })
    await write(store, PLACE, CONTENT)
  })
  afterAll(async () => {
    await store?.close()
    await rm(root, { recursive: true, force: true })
  })
  const thaw = (...args: string[]) => riastore(['thaw', join(root, 'store'), ID, ...args])

  test('says that nothing is cold, and ends with 0', async () => {
    const { code, stdout, stderr } = await thaw('sub-01', 'README', '--wait')
    expect([code, stdout, stderr]).toEqual([0, 'nothing is cold: 1 key of 1 can be read\n', ''])
    expect(objectsOf(await thaw('sub-01', '--json'))).toEqual([
      expect.objectContaining({ type: 'summary', action: 'thaw', keys: 1, here: 1, absent: 0, asked: 0, left: 0 }),
    ])
  })

  test('ends with 1 and waits for nothing when a file is not in the store', async () => {
    const { code, stdout, stderr } = await thaw('--wait')
    expect([code, stdout, stderr]).toEqual([1, 'absent   y.dat\n', `riastore: 1 key of ${ID} is not in the store\n`])
  })

  test('refuses what it cannot do before anything is looked at', async () => {
    for (const args of [['--days', '0'], ['--tier', 'Fast'], ['--timeout', 'long'], ['no/such']]) {
      expect(await thaw(...args)).toMatchObject({ code: 2, stdout: '' })
    }
    expect(await riastore(['thaw', join(root, 'store')])).toMatchObject({ code: 2 })
  })
})

describe('waiting for keys', () => {
  const console = consoleOn(
    {
      columns: 80,
      isTerminal: false,
      signal: new AbortController().signal,
      print: () => {},
      write: async () => {},
      fail: () => {},
      note: () => {},
      confirm: async () => false,
    },
    { noProgress: true },
  )

  /** Time passes only while somebody sleeps; keys are here from some time on, in ms. */
  function scene(
    hereAfter: Readonly<Record<string, number>>,
    fails: (ms: number) => StoreErrorKind | undefined = () => undefined,
  ) {
    let now = 0
    const looks: string[] = []
    const pauses: number[] = []
    const time = {
      now: () => ({ steady: now, wall: now }),
      sleep: async (ms: number) => {
        pauses.push(ms)
        now += ms
      },
    }
    const look = async (key: string): Promise<KeyThaw> => {
      looks.push(key)
      const kind = fails(now)
      if (kind !== undefined) throw new StoreError({ kind, op: 'thaw', where: 'there', message: 'no' })
      return { state: now >= (hereAfter[key] ?? 0) ? 'here' : 'thawing' }
    }
    const wait = (timeoutMs: number, everyMs?: number) => {
      const thaws = { look, lookAgain: () => {} } as unknown as KeyThaws
      return waitForKeys(console, thaws, { keys: Object.keys(hereAfter), everyMs, timeoutMs }, time)
    }
    return { wait, looks, pauses }
  }

  test('ends when all are here, with pauses that grow to five minutes', async () => {
    const { wait, pauses } = scene({ a: 1_000_000, b: 2_000_000 })
    expect(await wait(1e9)).toEqual([])
    expect(pauses.slice(0, 7)).toEqual([10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000])
  })

  test('ends with what is left when its time is over, to the moment', async () => {
    const { wait, pauses } = scene({ a: 50, b: 1e9 })
    expect(await wait(1_500, 1_000)).toEqual(['b'])
    expect(pauses).toEqual([1_000, 500])
  })

  test('looks at no more than twenty that are not here each time, and in the end at all', async () => {
    const keys = Array.from({ length: 100 }, (_, i) => [`k${i}`, 5_000] as const)
    const { wait, looks } = scene(Object.fromEntries(keys))
    expect(await wait(1e9, 1_000)).toEqual([])
    expect(looks).toHaveLength(4 * 20 + 100)
    expect(new Set(looks).size).toBe(100)
  })

  test('waits on while the server is away for less than an hour, and not for longer', async () => {
    const short = scene({ a: 4e6 }, (ms) => (ms > 1e6 && ms < 3e6 ? 'unreachable' : undefined))
    expect(await short.wait(1e9)).toEqual([])
    const long = scene({ a: 1e9 }, (ms) => (ms > 1e6 ? 'unreachable' : undefined))
    await expect(long.wait(1e9)).rejects.toMatchObject({ kind: 'unreachable' })
    const refused = scene({ a: 1e9 }, () => 'unsupported')
    await expect(refused.wait(1e9)).rejects.toMatchObject({ kind: 'unsupported' })
  })
})
