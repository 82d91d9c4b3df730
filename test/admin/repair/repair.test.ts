import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkDataset } from '../../../src/admin/check/check-dataset.ts'
import { checkStore } from '../../../src/admin/check/check-store.ts'
import type { Problem } from '../../../src/admin/check/problem.ts'
import { SeenGood } from '../../../src/admin/check/seen-good.ts'
import type { GoodCopies } from '../../../src/admin/repair/good-copies.ts'
import { previewRepair } from '../../../src/admin/repair/preview.ts'
import { type RepairOptions, repairDataset } from '../../../src/admin/repair/repair-dataset.ts'
import { repairStore } from '../../../src/admin/repair/repair-store.ts'
import type { Repaired } from '../../../src/admin/repair/repaired.ts'
import { StoreCopies } from '../../../src/admin/repair/store-copies.ts'
import { StoreError } from '../../../src/core/errors.ts'
import { REAL_TIME } from '../../../src/core/moment.ts'
import { logPath } from '../../../src/core/records/location-log.ts'
import { bufferSource } from '../../../src/core/source.ts'
import { readRefs } from '../../../src/git/read-remote.ts'
import { readAlias } from '../../../src/ria/layout/alias-file.ts'
import { gravestonePath } from '../../../src/ria/layout/gravestone.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import type { Store } from '../../../src/store/store.ts'
import { annexLink, commitFiles } from '../../support/repos/memory-repository.ts'
import { copyingFrom } from '../../support/stores/copying-store.ts'
import { DAMAGES, keepRefLog, placeOf } from '../../support/stores/damage.ts'
import {
  CONTENT,
  DIRECTORY,
  downloads,
  ID,
  KEY,
  memoryStore,
  PLACE,
  paths,
  put,
  read,
  dataset as riaDataset,
} from '../../support/stores/memory-dataset.ts'
import { hurriedTime, stoppingAt } from '../../support/stores/stopping-store.ts'

const victim = (store: Store) => ({ store, directory: DIRECTORY, key: KEY })
const ABC = 'MD5-s3--900150983cd24fb0d6963f7d28e17f72'
const OTHER = 'MD5-s5--0123456789abcdef0123456789abcdef'
const DROPPED = 'MD5-s5--fedcba9876543210fedcba9876543210'
const NO_WAIT = { ...REAL_TIME, sleep: async () => {} }

let memory: string
beforeEach(async () => {
  memory = await mkdtemp(join(tmpdir(), 'riastore-repair-'))
})
afterEach(() => rm(memory, { recursive: true, force: true }))

async function goodStore(): Promise<Store> {
  const store = await memoryStore()
  await commitFiles(store, DIRECTORY, {
    'sub-01/x.dat': annexLink(KEY),
    '.datalad/config': `[datalad "dataset"]\n\tid = ${ID}\n`,
  })
  await put(store, PLACE, CONTENT)
  await put(store, placeOf({ directory: DIRECTORY, key: ABC }), 'abc')
  return store
}

const atHand = (store: Store) => new StoredDataset(store, DIRECTORY, ID)

/** Somewhere else where these bytes are, whatever key is asked for. */
function elsewhere(content: string | Buffer): GoodCopies {
  return { where: 'elsewhere', find: async () => bufferSource(content), close: async () => {} }
}

async function check(store: Store, options: { readonly data?: boolean } = {}): Promise<Problem[]> {
  const problems: Problem[] = []
  const seenGood = await SeenGood.load(memory, atHand(store))
  await checkStore(store, (problem) => problems.push(problem))
  const data = { seenGood, subset: options.data === false ? ('damaged' as const) : undefined }
  await checkDataset(atHand(store), (problem) => problems.push(problem), { data })
  return problems
}

async function preview(
  store: Store,
  problems: readonly Problem[],
  sources: readonly GoodCopies[],
  expected: readonly string[],
): Promise<void> {
  const before = await paths(store)
  const told: Repaired[] = []
  await previewRepair(atHand(store), problems, (repaired) => told.push(repaired), { sources })
  expect([outcomes(told), await paths(store)]).toEqual([expected, before])
}

async function repair(
  store: Store,
  sources: readonly GoodCopies[] = [],
  { onKeys }: Pick<RepairOptions, 'onKeys'> = {},
): Promise<Repaired[]> {
  const told: Repaired[] = []
  const problems = await check(store)
  const ofStore = problems.filter(({ code }) => code.startsWith('alias-') || code === 'half-dataset')
  await repairStore(store, ofStore, (repaired) => told.push(repaired))
  await repairDataset(
    atHand(store),
    problems.filter((problem) => !ofStore.includes(problem)),
    (repaired) => told.push(repaired),
    {
      sources,
      onKeys,
      time: NO_WAIT,
    },
  )
  return told
}

const outcomes = (told: readonly Repaired[]) => told.map(({ problem, outcome }) => `${problem.code} ${outcome}`).sort()

test.each([
  ['abc/half/riastore/copying/1', /riastore copy, once more/],
  [gravestonePath('abchalf'), /riastore restore takes it back/],
])('a dataset that is hidden on purpose, as %s tells, is not made one that clients find', async (marker, how) => {
  const store = await goodStore()
  await put(store, 'abc/half/HEAD', 'ref: refs/heads/main\n')
  await put(store, marker, '{}\n')
  const half = (await repair(store)).filter(({ problem }) => problem.code === 'half-dataset')
  expect(half).toMatchObject([{ outcome: 'left', how: expect.stringMatching(how) }])
  expect(half[0]?.problem.mend).toMatch(how)
  expect(await store.stat('abc/half/ria-layout-version')).toBeUndefined()
})
const UUID = '11111111-2222-3333-4444-555555555555'
/** By git-annex the store has both keys, and one that nobody else has. */
const recordKeys = (store: Store, settings = '') =>
  commitFiles(
    store,
    DIRECTORY,
    {
      'remote.log': `${UUID} archive-id=${ID} type=external${settings} timestamp=1700000000s\n`,
      [logPath(KEY)]: `1700000000s 1 ${UUID}\n`,
      [logPath(ABC)]: `1700000000s 1 ${UUID}\n`,
      [logPath(OTHER)]: `1700000000s 1 ${UUID}\n`,
      [logPath(DROPPED)]: `1700000000s 0 ${UUID}\n`,
    },
    { branch: 'git-annex' },
  )

const quarantined = async (store: Store) => (await paths(store)).filter((path) => path.includes('/quarantine/'))
const strays = async (store: Store) =>
  (await paths(store)).filter((path) => path.startsWith(`${DIRECTORY}/archives/`) || path.endsWith('.tmp'))

/** Where a file is renamed in one step, and where it is copied. */
const KINDS: readonly (readonly [string, (store: Store) => Store])[] = [
  ['renames', (store) => store],
  ['copies', copyingFrom],
]

describe.each(KINDS)('in a store that %s', (_kind, as) => {
  test('a damaged key comes back from a good copy, and what was damaged is kept', async () => {
    for (const damage of ['data-damaged', 'key-size']) {
      const store = as(await goodStore())
      await DAMAGES[damage]?.(victim(store))
      const damaged = await read(store, PLACE)
      const told = await repair(store, [elsewhere('wrong as well'), elsewhere(CONTENT)])
      expect(new Set(outcomes(told))).toEqual(new Set([`${damage} mended`]))
      expect(await read(store, PLACE)).toEqual(CONTENT)
      const [kept = '', ...more] = await quarantined(store)
      expect(more).toEqual([])
      expect(await read(store, kept)).toEqual(damaged)
      expect(await strays(store)).toEqual([])
      expect(await check(store)).toEqual([])
    }
  })

  test('a damaged key of which there is no good copy is kept aside, and clients are told that it is not there', async () => {
    const store = as(await goodStore())
    await DAMAGES['data-damaged']?.(victim(store))
    expect(outcomes(await repair(store, [elsewhere('nothing of use')]))).toEqual(['data-damaged quarantined'])
    expect(await quarantined(store)).toHaveLength(1)
    expect(await riaDataset(store).checkPresent(KEY)).toBe(false)
    expect(await check(store)).toEqual([])
    expect(await strays(store)).toEqual([])
  })

  test('in an append-only store a damaged key stays until there is a good copy, and so do an archive and a name', async () => {
    const store = as(await goodStore())
    await put(store, 'ria-layout-version', '1|a\n')
    await recordKeys(store)
    for (const damage of ['data-damaged', 'archive-damaged', 'alias-dangling', 'alias-unreadable'])
      await DAMAGES[damage]?.(victim(store))
    const problems = await check(store)
    const before = await paths(store)
    await preview(
      store,
      problems.filter(({ code }) => !code.startsWith('alias-')),
      [],
      ['archive-damaged left', 'data-damaged left'],
    )
    const told = await repair(store)
    expect(new Set(told.map(({ outcome }) => outcome))).toEqual(new Set(['left']))
    for (const { how } of told) expect(how).toContain('the store is append-only')
    expect(await paths(store)).toEqual(before)
    const again = outcomes(await repair(store, [elsewhere(CONTENT)]))
    expect(again).toContain('data-damaged mended')
    expect(again).toContain('archive-damaged left') // it may have had a key that is nowhere else
    expect(await read(store, PLACE)).toEqual(CONTENT)
  })

  test('another store that has the dataset is a place to get a good copy from', async () => {
    const store = as(await goodStore())
    await DAMAGES['key-size']?.(victim(store))
    const second = new StoreCopies(atHand(await goodStore()))
    expect(await second.find('MD5-s4--00000000000000000000000000000000', {})).toBeUndefined()
    expect(new Set(outcomes(await repair(store, [second])))).toEqual(new Set(['key-size mended']))
    expect(await read(store, PLACE)).toEqual(CONTENT)
  })

  test('a key where no client looks is put where it belongs, or aside when it is damaged or there already', async () => {
    const store = as(await goodStore())
    const astray = `${DIRECTORY}/annex/objects/zz/zz/${KEY}/${KEY}`
    await put(store, astray, CONTENT)
    expect(outcomes(await repair(store))).toEqual(['key-misplaced mended'])
    expect(await quarantined(store)).toHaveLength(1)
    await store.remove(PLACE)
    await put(store, astray, CONTENT)
    expect(outcomes(await repair(store))).toEqual(['key-misplaced mended'])
    expect(await read(store, PLACE)).toEqual(CONTENT)
    expect(await quarantined(store)).toHaveLength(1)
    await put(store, astray, 'not the content of the')
    const [told] = await repair(store)
    expect(told?.how).toMatch(/damaged, so the file is kept as .*quarantine/)
    expect(await check(store)).toEqual([])
  })

  test.each(['alias-dangling', 'half-dataset', 'key-misplaced'])(
    'damage of the kind %s is mended, and then nothing is found any more',
    async (code) => {
      const store = as(await goodStore())
      await DAMAGES[code]?.(victim(store))
      expect(outcomes(await repair(store))).toContain(`${code} mended`)
      expect((await check(store)).filter((problem) => problem.code === code)).toEqual([])
    },
  )

  test('what an alias that names no dataset says is kept aside, and a dataset that counts the name as its own gets it back', async () => {
    for (const aliases of [[], ['torn']]) {
      const store = as(await goodStore())
      await keepRefLog(store, DIRECTORY, { refs: (await readRefs(atHand(store), {})).refs, aliases })
      await store.remove(`${DIRECTORY}/refs/heads/main`)
      await DAMAGES['alias-unreadable']?.(victim(store))
      await put(store, 'alias/torn/HEAD', 'ref: refs/heads/main\n')
      expect((await check(store)).map(({ code }) => code)).toEqual(['alias-unreadable'])
      expect(outcomes(await repair(store))).toEqual(['alias-unreadable quarantined'])
      const kept = (await paths(store)).filter((path) => path.startsWith('quarantine/'))
      expect(kept).toEqual([expect.stringMatching(/^quarantine\/[^/]+\/alias\/torn\/riastore-alias$/)])
      expect((await read(store, kept[0] ?? '')).toString()).toBe('what?')
      expect(outcomes(await repair(store))).toEqual(aliases.length === 0 ? [] : ['views mended'])
      expect(await check(store)).toEqual([])
      const given = aliases.length === 0 ? undefined : DIRECTORY
      expect(await readAlias(store, 'torn')).toBe(given)
    }
  })

  test.each(['', 'extra/levels/of/', 'zz/zz/'])(
    'a key that lies alone in annex/objects/%s is named by check, and put where it belongs',
    async (above) => {
      const store = as(await goodStore())
      await store.remove(PLACE)
      await put(store, `${DIRECTORY}/annex/objects/${above}${KEY}`, CONTENT)
      expect(await check(store)).toMatchObject([{ code: 'key-misplaced', key: KEY, file: 'sub-01/x.dat at main' }])
      expect(outcomes(await repair(store))).toEqual(['key-misplaced mended'])
      expect(await read(store, PLACE)).toEqual(CONTENT)
      expect(await check(store)).toEqual([])
    },
  )

  test('a repository in which git-annex was run is none of git-annex any more, and its old config is kept', async () => {
    const store = as(await goodStore())
    const config = `${DIRECTORY}/config`
    await put(
      store,
      config,
      '[core]\n\tbare = true\n[annex]\n\tuuid = 1111-22\n\tversion = 10\n[annex]\n\tthin = true\n[datalad "ora-remote"]\n\tuuid = 3\n',
    )
    const before = await read(store, config)
    const [told] = await repair(store)
    expect(told).toMatchObject({ outcome: 'mended', how: expect.stringContaining('git annex dead 1111-22') })
    expect((await read(store, config)).toString()).toBe(
      '[core]\n\tbare = true\n[annex]\n\tthin = true\n[datalad "ora-remote"]\n\tuuid = 3\n',
    )
    const [kept = '', ...more] = await quarantined(store)
    expect([more, await read(store, kept)]).toEqual([[], before])
    expect([await check(store), await strays(store)]).toEqual([[], []])
    expect((await paths(store)).filter((path) => path.endsWith('.lock'))).toEqual([])
  })

  test('a repair of a config that is stopped at any step leaves a config, and the old one is kept', async () => {
    for (let nth = 1; ; nth++) {
      const store = as(await goodStore())
      await DAMAGES['foreign-annex']?.(victim(store))
      const problems = (await check(store)).filter(({ code }) => code === 'foreign-annex')
      const stopping = stoppingAt(store, nth, async () => {
        throw new StoreError({ kind: 'aborted', op: 'x', where: 'x', message: 'x' })
      })
      const run = (on: Store) => repairDataset(atHand(on), problems, () => {}, { breakLock: true, time: hurriedTime() })
      await run(stopping).catch((error: unknown) => {
        if (!(error instanceof StoreError)) throw error
      })
      expect((await read(store, `${DIRECTORY}/config`)).toString(), stopping.at).toMatch(/bare = true/)
      await run(store)
      expect((await read(store, `${DIRECTORY}/config`)).toString(), stopping.at).toBe('[core]\n\tbare = true\n')
      const kept = await Promise.all((await quarantined(store)).map((path) => read(store, path)))
      expect(kept.join('')).toContain('uuid = 11111111')
      if (!stopping.wasStopped) return expect(nth).toBeGreaterThan(6)
    }
  })

  test('a config that git has locked is left as it is', async () => {
    const store = as(await goodStore())
    await DAMAGES['foreign-annex']?.(victim(store))
    await put(store, `${DIRECTORY}/config.lock`, '')
    const before = await paths(store)
    expect(outcomes(await repair(store))).toEqual(['foreign-annex left'])
    expect(await paths(store)).toEqual(before)
  })

  test('of an archive that nobody can read the keys come back that git-annex has on record, and it is kept aside', async () => {
    const store = as(await goodStore())
    await recordKeys(store)
    await store.remove(PLACE)
    await DAMAGES['archive-damaged']?.(victim(store))
    await put(store, `${DIRECTORY}/archives/dropped/${DROPPED}`, '')
    const problems = await check(store)
    expect(problems.map(({ code }) => code)).toEqual(['archive-damaged'])
    await preview(store, problems, [elsewhere(CONTENT)], ['archive-damaged mended'])
    const recorded: [readonly string[], boolean][] = []
    const told = await repair(store, [elsewhere(CONTENT)], {
      onKeys: async (keys, areThere) => void recorded.push([keys, areThere]),
    })
    expect(outcomes(told)).toEqual(['archive-damaged quarantined'])
    expect(told[0]?.how).toMatch(
      new RegExp(
        `^1 of its keys came from elsewhere; of 1 no good copy was found \\(${OTHER}\\); it is kept as .*/quarantine/`,
      ),
    )
    expect(recorded).toEqual([[[OTHER], false]])
    expect(await read(store, PLACE)).toEqual(CONTENT)
    const kept = (await quarantined(store)).sort()
    expect(kept.map((path) => path.replace(/.*quarantine\/[^/]+\//, ''))).toEqual(['archive.7z', 'archive.7z.dropped'])
    const texts = await Promise.all(kept.map(async (path) => (await read(store, path)).toString()))
    expect(texts).toEqual(['x'.repeat(100), `${DROPPED}\n`])
    expect([await check(store), await strays(store)]).toEqual([[], []])
    const client = riaDataset(store)
    expect(await Promise.all([KEY, ABC, OTHER].map((key) => client.checkPresent(key)))).toEqual([true, true, false])
  })

  test.each([' encryption=shared', ' chunk=1MiB'])(
    'keys that have other names in the store, as with%s, are not stored under those that git-annex has on record',
    async (settings) => {
      const store = as(await goodStore())
      await recordKeys(store, settings)
      await store.remove(PLACE)
      await DAMAGES['archive-damaged']?.(victim(store))
      const told = await repair(store, [elsewhere(CONTENT)], { onKeys: () => expect.unreachable('nothing is known') })
      expect(outcomes(told)).toEqual(['archive-damaged quarantined'])
      expect(told[0]?.how).toMatch(/nobody can tell/)
      expect(await store.stat(PLACE)).toBeUndefined()
      expect(await quarantined(store)).toHaveLength(1)
    },
  )

  test.each(['ref-dangling', 'layout'])(
    'what nobody can prove, as with %s, is left as it is, and it is said what to do',
    async (code) => {
      const store = as(await goodStore())
      await DAMAGES[code]?.(victim(store))
      const before = await paths(store)
      const told = await repair(store)
      expect(outcomes(told)).toContain(`${code} left`)
      expect(told.every(({ how }) => how !== '')).toBe(true)
      expect(await paths(store)).toEqual(before)
    },
  )
})

test('with a dry run it says what would be done, and changes nothing', async () => {
  const store = await goodStore()
  await DAMAGES['data-damaged']?.(victim(store))
  const problems = await check(store)
  await preview(store, problems, [elsewhere(CONTENT)], ['data-damaged mended'])
  await preview(store, problems, [], ['data-damaged quarantined'])
})

test('what check found damaged is known to the next run without reading everything', async () => {
  const store = await goodStore()
  await DAMAGES['data-damaged']?.(victim(store))
  expect(await check(store, { data: false })).toEqual([])
  await check(store)
  expect((await check(store, { data: false })).map(({ code, key }) => [code, key])).toEqual([['data-damaged', KEY]])
})

test.each(KINDS)(
  'in a store that %s a copy that is replaced by a client just before it is set aside stays, and is good',
  async (_kind, as) => {
    const store = as(await goodStore())
    await DAMAGES['data-damaged']?.(victim(store))
    const problems = await check(store)
    const told: Repaired[] = []
    const racing: GoodCopies = {
      where: 'elsewhere',
      find: async () => {
        await put(store, PLACE, CONTENT)
        return bufferSource(CONTENT)
      },
      close: async () => {},
    }
    await repairDataset(atHand(store), problems, (repaired) => told.push(repaired), {
      sources: [racing],
      time: NO_WAIT,
    })
    expect(outcomes(told)).toEqual(['data-damaged left'])
    expect(await read(store, PLACE)).toEqual(CONTENT)
    expect([await quarantined(store), await strays(store)]).toEqual([[], []])
  },
)

test('a repair that cannot have the lock changes nothing', async () => {
  const store = await goodStore()
  await DAMAGES['data-damaged']?.(victim(store))
  await put(store, `${DIRECTORY}/archives/lock`, JSON.stringify({ program: 'riastore', host: 'x', pid: 1, token: 't' }))
  const before = await paths(store)
  await expect(repair(store, [elsewhere(CONTENT)])).rejects.toMatchObject({ kind: 'conflict', op: 'lock' })
  expect(await paths(store)).toEqual(before)
})

test('a client gets the key that came back', async () => {
  const store = await goodStore()
  await DAMAGES['data-damaged']?.(victim(store))
  await repair(store, [elsewhere(CONTENT)])
  const { file, remove } = await downloads()
  try {
    await riaDataset(store).retrieve(KEY, file('x'))
  } finally {
    await remove()
  }
})

/** What somebody else does while a repair is stopped. */
const MEANWHILE: readonly (readonly [string, (store: Store) => Promise<unknown>])[] = [
  ['somebody else repairs with the lock broken', (store) => repairAs(store, { breakLock: true, time: hurriedTime() })],
  ['a client stores the key', (store) => put(store, PLACE, CONTENT)],
  [
    'its machine breaks down',
    () => Promise.reject(new StoreError({ kind: 'aborted', op: 'x', where: 'x', message: 'x' })),
  ],
]

async function repairAs(store: Store, options: RepairOptions): Promise<Repaired[]> {
  const told: Repaired[] = []
  const problem = { code: 'data-damaged', weight: 'damage', message: '', path: PLACE, key: KEY, mend: '' } as const
  const sources = [elsewhere(CONTENT)]
  await repairDataset(atHand(store), [problem], (repaired) => told.push(repaired), { sources, ...options })
  return told
}

describe.each(KINDS)('in a store that %s', (_kind, as) => {
  test.each(MEANWHILE)(
    'a repair that is stopped at any step while %s leaves no other copy than the good one, and the damaged one is kept',
    async (_what, meanwhile) => {
      for (let nth = 1; ; nth++) {
        const store = as(await goodStore())
        await put(store, PLACE, 'not the content of the')
        const stopping = stoppingAt(store, nth, async () => void (await meanwhile(store)))
        await repairAs(stopping, { time: hurriedTime() }).catch((error: unknown) => {
          if (!(error instanceof StoreError)) throw error
        })
        await repairAs(store, { breakLock: true, time: hurriedTime() })
        expect((await read(store, PLACE)).toString(), stopping.at).toBe(CONTENT.toString())
        for (const path of await quarantined(store)) {
          expect([CONTENT.toString(), 'not the content of the']).toContain((await read(store, path)).toString())
        }
        expect(
          await paths(store).then((all) => all.filter((path) => path.includes('/holder-') || path.endsWith('/lock'))),
        ).toEqual([])
        if (!stopping.wasStopped) return expect(nth).toBeGreaterThan(6)
      }
    },
  )
})

/** An archive that is no better, of another program that knows no lock. */
const ANOTHER = 'y'.repeat(90)

describe.each(KINDS)('in a store that %s', (_kind, as) => {
  const mend = async (store: Store, options: RepairOptions) => {
    const path = `${DIRECTORY}/archives/archive.7z`
    const problem = { code: 'archive-damaged', weight: 'damage', message: '', path, mend: '' } as const
    await repairDataset(atHand(store), [problem], () => {}, { sources: [elsewhere(CONTENT)], ...options })
  }
  const broken: readonly (readonly [string, (store: Store) => Promise<unknown>])[] = [
    ['somebody else repairs with the lock broken', (store) => mend(store, { breakLock: true, time: hurriedTime() })],
    ['another archive is put there', (store) => put(store, `${DIRECTORY}/archives/archive.7z`, ANOTHER)],
    ...MEANWHILE.slice(-1),
  ]
  test.each(broken)(
    'the repair of an archive that is stopped at any step while %s keeps it, and its keys come back',
    async (_what, meanwhile) => {
      for (let nth = 1; ; nth++) {
        const store = as(await goodStore())
        await recordKeys(store)
        await store.remove(PLACE)
        await DAMAGES['archive-damaged']?.(victim(store))
        let isAnother = false
        const stopping = stoppingAt(store, nth, async () => {
          isAnother = meanwhile === broken[1]?.[1]
          await meanwhile(store)
        })
        await mend(stopping, { time: hurriedTime() }).catch((error: unknown) => {
          if (!(error instanceof StoreError)) throw error
        })
        await mend(store, { breakLock: true, time: hurriedTime() })
        expect((await read(store, PLACE)).toString(), stopping.at).toBe(CONTENT.toString())
        const kept = await Promise.all((await quarantined(store)).map((path) => read(store, path)))
        expect(kept.map(String), stopping.at).toContain(isAnother ? ANOTHER : 'x'.repeat(100))
        const held = (await paths(store)).filter((path) => path.includes('/holder-') || path.endsWith('/lock'))
        expect(held, stopping.at).toEqual([])
        if (!stopping.wasStopped) return expect(nth).toBeGreaterThan(6)
      }
    },
  )
})

test('what a client stores while a key without a good copy is set aside stays, whenever that is', async () => {
  for (let nth = 1; ; nth++) {
    const store = await goodStore()
    await put(store, PLACE, 'not the content of the')
    const stopping = stoppingAt(store, nth, () => put(store, PLACE, CONTENT))
    await repairAs(stopping, { sources: [], time: hurriedTime() })
    if (!stopping.wasStopped) return expect(nth).toBeGreaterThan(4)
    expect((await read(store, PLACE)).toString(), stopping.at).toBe(CONTENT.toString())
  }
})
