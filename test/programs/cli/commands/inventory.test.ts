import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openLocalStore } from '../../../../src/store/local/local.ts'
import type { Store } from '../../../../src/store/store.ts'
import { objectsOf, riastore } from '../../../support/programs/console-double.ts'
import { annexLink, commitFiles } from '../../../support/repos/memory-repository.ts'
import { startWebServer } from '../../../support/servers/web-server.ts'
import { DAMAGES } from '../../../support/stores/damage.ts'
import { CONTENT, DIRECTORY, ID, KEY, PLACE } from '../../../support/stores/memory-dataset.ts'
import { write } from '../../../support/stores/stores.ts'

const OTHER = '11111111-2222-3333-4444-555555555555'
const ABSENT = 'MD5E-s7--00000000000000000000000000000000.dat'

let root: string
let store: Store
const cache = process.env.XDG_CACHE_HOME

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'riastore-inventory-'))
  process.env.XDG_CACHE_HOME = join(root, 'cache')
  await mkdir(join(root, 'store'))
  store = openLocalStore({ root: join(root, 'store') })
  await write(store, 'ria-layout-version', '1\n')
  for (const directory of [DIRECTORY, `111/${OTHER.slice(3)}`]) {
    await write(store, `${directory}/ria-layout-version`, '2\n')
    await write(
      store,
      `${directory}/config`,
      '[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tsharedRepository = group\n',
    )
  }
  await commitFiles(store, DIRECTORY, {
    'README.md': '# A study\n',
    'sub-01/x.dat': annexLink(KEY),
    'sub-01/y.dat': annexLink(ABSENT),
    '.gitmodules': `[submodule "child"]\n\tpath = child\n\tdatalad-id = ${OTHER}\n`,
    child: { commit: '1'.repeat(40) },
  })
  const later = { committedMs: 1_750_000_000_000 }
  await commitFiles(store, `111/${OTHER.slice(3)}`, { 'README.md': 'Child \u001b[31mdata\n' }, later)
  await write(store, PLACE, CONTENT)
  await riastore(['alias', 'set', join(root, 'store'), ID, 'mydata'])
})
afterAll(async () => {
  if (cache === undefined) delete process.env.XDG_CACHE_HOME
  else process.env.XDG_CACHE_HOME = cache
  await store?.close()
  await rm(root, { recursive: true, force: true })
})

const at = (...words: string[]) => [join(root, 'store'), ...words]

describe('ls', () => {
  test('tells day, id, aliases and name of each dataset, and nothing moves the cursor', async () => {
    const { code, stdout } = await riastore(['ls', ...at()])
    expect(code).toBe(0)
    const [first, second] = stdout.trim().split('\n')
    expect(first).toMatch(new RegExp(`^2025-06-15  ${OTHER}  Child .*data$`))
    expect(second).toBe(`2023-11-14  ${ID}  ~mydata  A study`)
    expect(stdout).not.toContain('\u001b')
  })

  test('counts keys, and tells layout, sharing and owner where that is asked for', async () => {
    const objects = objectsOf(await riastore(['ls', '--long', '--json', ...at()]))
    expect(objects).toEqual([
      expect.objectContaining({ type: 'dataset', dataset: OTHER, keys: expect.objectContaining({ loose: 0 }) }),
      expect.objectContaining({
        dataset: ID,
        aliases: ['mydata'],
        name: 'A study',
        layout: '2',
        sharing: '0660',
        newest: expect.objectContaining({ branch: 'main', date: '2023-11-14T22:13:20.000Z' }),
        keys: { loose: 1, looseBytes: 22, archived: 0, archivedBytes: 0, archiveBytes: 0 },
        owner: expect.objectContaining({ uid: process.getuid?.() }),
      }),
      { type: 'summary', action: 'ls', datasets: 2, failed: 0 },
    ])
  })

  test('takes those that are asked for, sorts them, and puts subdatasets below their datasets', async () => {
    const ids = async (...args: string[]) => {
      const { stdout } = await riastore(['ls', ...args, ...at()])
      return stdout
        .trimEnd()
        .split('\n')
        .map((line) => /^( *).*?([0-9a-f]{8}-[0-9a-f-]{27})/.exec(line)?.slice(1).join(''))
    }
    expect(await ids('--match', 'study')).toEqual([ID])
    expect(await ids('--sort', 'size')).toEqual([ID, OTHER])
    expect(await ids('--sort', 'date')).toEqual([OTHER, ID])
    expect(await ids('--older', '1d', '--sort', 'name')).toEqual([ID, OTHER])
    expect(await ids('--tree')).toEqual([ID, `  ${OTHER}`])
  })

  test('tells the files of a dataset, and whether the store has their content', async () => {
    const { code, stdout } = await riastore(['ls', '-r', ...at('~mydata')])
    expect(code).toBe(0)
    expect(
      stdout
        .split('\n')
        .slice(0, 5)
        .map((line) => line.replace(/ +/g, ' ')),
    ).toEqual([
      '+ 85 B .gitmodules',
      '+ 10 B README.md',
      ' child (subdataset)',
      '+ 22 B sub-01/x.dat',
      '- 7 B sub-01/y.dat',
    ])
    const objects = objectsOf(await riastore(['ls', '--json', ...at(ID, 'sub-01/y.dat')]), 'file')
    expect(objects).toEqual([expect.objectContaining({ path: 'sub-01/y.dat', key: ABSENT, size: 7, present: false })])
  })

  test('says in one line what is not there', async () => {
    for (const [words, message] of [
      [at(ID, 'no/such'), /has no "no\/such"/],
      [['--at', 'other', ...at(ID)], /has no other: neither a ref/],
      [at('22222222-2222-3333-4444-555555555555'), /is not in the store/],
    ] as const) {
      const { code, stdout, stderr } = await riastore(['ls', ...words])
      expect([code === 0, stdout]).toEqual([false, ''])
      expect(stderr).toMatch(message)
      expect(stderr.trim().split('\n')).toHaveLength(1)
    }
  })
})

describe('cat', () => {
  test('writes the content of an annexed file and of one that git has, whole or in part', async () => {
    expect((await riastore(['cat', ...at(ID, 'sub-01/x.dat')])).stdout).toBe(CONTENT.toString())
    expect((await riastore(['cat', '--range', '4-10', ...at(ID, 'sub-01/x.dat')])).stdout).toBe('content')
    expect((await riastore(['cat', ...at('~mydata', 'README.md')])).stdout).toBe('# A study\n')
  })

  test('fails for a file whose content the store has not, and for a directory', async () => {
    expect(await riastore(['cat', ...at(ID, 'sub-01/y.dat')])).toMatchObject({ code: 1, stdout: '' })
    expect(await riastore(['cat', ...at(ID, 'sub-01')])).toMatchObject({ code: 2, stdout: '' })
    expect(await riastore(['cat', '--range', '9-3', ...at(ID, 'README.md')])).toMatchObject({ code: 2, stdout: '' })
  })
})

describe('stat', () => {
  test('tells nothing of what it could not count, least of all that it is nothing', async () => {
    const server = await startWebServer(join(root, 'store'))
    try {
      for (const options of [[], ['--prometheus']]) {
        const { code, stdout, stderr } = await riastore(['stat', ...options, `ria+${server.url}`, ID])
        expect([code, stdout]).toEqual([1, ''])
        expect(stderr).toMatch(/a web server does not list its files\n$/)
      }
    } finally {
      await server.close()
    }
  })

  test('counts keys, files and bytes of all datasets, and what grew since the run before', async () => {
    const history = join(root, 'history.jsonl')
    const { code, stdout } = await riastore(['stat', '--json', '--history', history, ...at()])
    expect(code).toBe(0)
    expect(objectsOf({ stdout }, 'dataset').map(({ dataset, aliases }) => [dataset, aliases])).toEqual([
      [OTHER, []],
      [ID, ['mydata']],
    ])
    expect(objectsOf({ stdout }, 'summary')).toEqual([
      expect.objectContaining({ action: 'stat', datasets: 2, keys: 1, bytes: 22, shared: 0, temporary: 0 }),
    ])
    const shared = `111/${OTHER.slice(3)}${PLACE.slice(DIRECTORY.length)}`
    await write(store, shared, CONTENT)
    try {
      const second = await riastore(['stat', '--refresh', '--history', history, ...at()])
      expect(second.stdout).toMatch(/in several datasets +1 +22 B/)
      expect(second.stdout).toMatch(new RegExp(`^${OTHER} .*\\+22 B$`, 'm'))
      expect(second.stdout).toMatch(new RegExp(`^${ID} .* -$`, 'm'))
    } finally {
      await store.remove(shared, { pruneParents: 5 })
    }
  })

  test('prints what Prometheus reads', async () => {
    const { stdout } = await riastore(['stat', '--prometheus', ...at(ID)])
    expect(stdout).toContain(`riastore_keys{store="${join(root, 'store')}",dataset="${ID}"} 1\n`)
  })
})

describe('check', () => {
  test('ends with 0 for a store that is whole, and tells what it saw', async () => {
    const { code, stdout, stderr } = await riastore(['check', '--data', ...at(ID)])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toBe('1 dataset, 1 key, 22 B; read 1 key, 22 B; no problems\n')
  })

  test('ends with 3 when something is wrong, names the file, and what mends it', async () => {
    await DAMAGES['data-damaged']?.({ store, directory: DIRECTORY, key: KEY })
    try {
      const { code, stdout } = await riastore(['check', '--data', '--json', ...at(ID)])
      expect(code).toBe(3)
      expect(objectsOf({ stdout }, 'finding')).toEqual([
        expect.objectContaining({
          check: 'data-damaged',
          result: 'unsafe',
          file: 'sub-01/x.dat at main',
          key: KEY,
          path: PLACE,
          dataset: ID,
          aliases: ['mydata'],
          since: expect.any(String),
          mend: expect.stringContaining('git annex'),
        }),
      ])
      expect((await riastore(['check', '--data', ...at(ID)])).stdout).toMatch(/^DAMAGE data-damaged: /)
    } finally {
      await write(store, PLACE, CONTENT)
    }
  })

  test('calls nothing damaged where nothing can be listed, and says so', async () => {
    const server = await startWebServer(join(root, 'store'))
    try {
      const { code, stdout, stderr } = await riastore(['check', `ria+${server.url}`, ID])
      expect([code, stdout]).toEqual([1, ''])
      expect(stderr).toMatch(/a web server does not list its files\n$/)
    } finally {
      await server.close()
    }
  })

  test('wants --data for what is about data, and a subset that is one', async () => {
    for (const options of [
      ['--for', '6h'],
      ['--subset', '5%'],
      ['--data', '--subset', '7/3'],
    ]) {
      expect((await riastore(['check', ...options, ...at()])).code).toBe(2)
    }
  })
})
