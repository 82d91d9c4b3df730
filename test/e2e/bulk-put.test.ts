import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { explain } from '../support/programs/run.ts'
import type { AnnexRepo } from '../support/repos/annex-repo.ts'
import { variants } from '../support/shared/variants.ts'
import {
  type BulkScene,
  type BulkStore,
  expectAllHere,
  makeBulkScene,
  manyFiles,
  whereis,
} from '../support/worlds/bulk-scene.ts'
import { leaveDeadRun } from '../support/worlds/dead-run.ts'

const STORES: readonly BulkStore[] = ['file', 'ssh', 's3']

/** Everything that is in the store is good, by git-annex's own look at it. */
async function expectGoodIn(repo: AnnexRepo, remote: string): Promise<void> {
  const fsck = await repo.tryAnnex('fsck', '--from', remote)
  expect([fsck.status, /fixing|bad|not present/.test(fsck.stdout)], explain(fsck)).toEqual([0, false])
}

describe.each(variants<BulkStore>(['ssh'], STORES))('put into a store by %s', (store) => {
  let scene: BulkScene
  const files = manyFiles(30)
  beforeAll(async () => {
    scene = await makeBulkScene({ store, files, unlocked: ['d1/f1.bin'], filled: false })
  })
  afterAll(() => scene?.remove())

  test('all keys go, git-annex knows and finds them, and nothing is left to copy', async () => {
    const { source } = scene
    const result = await scene.riastore(source, 'put')
    expect([result.status, result.stderr], explain(result)).toEqual([0, ''])
    expect(result.stdout).toMatch(/^put 32 keys/)
    for (const name of ['d0/f0.bin', 'd1/f1.bin', 'empty', 'large.bin']) {
      expect(await whereis(source, name)).toContain(await source.uuid('store'))
    }
    await expectGoodIn(source, 'store')
    expect((await source.annex('copy', '--fast', '--to', 'store')).stdout.trim()).toBe('')
    const again = await scene.riastore(source, 'put', '--to', 'store')
    expect([again.status, again.stdout], explain(again)).toEqual([0, 'put 0 keys, 0 B\n'])
    expect((await source.git('status', '--short')).stdout).toBe('')
    const ours = await Promise.all(['annex', 'refs'].map((name) => readdir(join(source.path, '.git', name))))
    expect(ours.flat()).not.toContain('riastore')
  })

  test('what was put comes with git annex get and with riastore get', async () => {
    const repo = await scene.clone('getting')
    await repo.annex('get', 'd0', 'large.bin')
    await scene.riastore(repo, 'get')
    await expectAllHere(repo, files)
    await repo.annex('drop', 'd3')
  })
})

/** What git quotes, what shells and patterns mean, and what is not ASCII. */
const ODD_NAMES = [
  'Ünï – 例.bin',
  'new\nline',
  'tab\tq"uote',
  "it's",
  '*gl?b[a]',
  'cr\r',
  '-dash',
  ' lead',
  '\\n',
  'ext.ünï',
]

test('files of any name are put, and got by it, where no locale is set as well', async () => {
  const names = ODD_NAMES.map((name) => `d/${name}`)
  const files = Object.fromEntries(names.map((name, i) => [name, Buffer.from('x'.repeat(i + 1))]))
  // Of an unlocked file with a newline in its name git-annex itself leaves git's index stale.
  const unlocked = names.filter((name) => !name.includes('\n')).slice(0, 3)
  const scene = await makeBulkScene({ files, unlocked, filled: false })
  try {
    const { LANG: _lang, LC_ALL: _all, ...env } = scene.env
    const riastore = (repo: AnnexRepo, ...args: string[]) => scene.program.run(args, { cwd: repo.path, env })
    const put = await riastore(scene.source, 'put', '--no-progress', '--', ...names)
    expect(put.stdout, explain(put)).toBe('put 10 keys, 55 B\n')
    const clone = await scene.clone('by-name')
    const got = await riastore(clone, 'get', '--no-progress', '--', ...names)
    expect(got.stdout, explain(got)).toBe('got 10 keys, 55 B\n')
    await expectAllHere(clone, files)
  } finally {
    await scene.remove()
  }
})

describe.each(variants<BulkStore>(['file', 's3'], STORES))('put --archive into a store by %s', (store) => {
  let scene: BulkScene
  const files = manyFiles(30)
  beforeAll(async () => {
    scene = await makeBulkScene({ store, files, filled: false })
  })
  afterAll(() => scene?.remove())

  test('small keys are in the archive without having been loose, large ones are loose', async () => {
    const { source } = scene
    const first = await scene.riastore(source, 'put', '--archive', 'd0', 'd1', 'large.bin')
    expect([first.status, first.stderr], explain(first)).toEqual([0, ''])
    const second = await scene.riastore(source, 'put', '--archive-below=100k')
    expect([second.status, second.stderr], explain(second)).toEqual([0, ''])
    const puts = (scene.s3?.faults.requests ?? []).filter((request) => /^PUT .*annex\/objects/.test(request))
    expect(puts.length).toBe(scene.s3 ? 1 : 0)
    if (!scene.s3) expect(await scene.dataset.keys()).toEqual([await source.key('large.bin')])
    await expectGoodIn(source, 'store')
    const repo = await scene.clone('getting')
    expect((await scene.riastore(repo, 'get')).status).toBe(0)
    await expectAllHere(repo, files)
  })

  // How a key comes into an archive is the compaction's, which has tests of its own by each store.
  if (!variants<BulkStore>(['file'], STORES).includes(store)) return
  test('a key that was dropped from the archive is put again, and is there', async () => {
    const { source } = scene
    await source.annex('drop', '--from', 'store', '--force', 'd2/f2.bin')
    const result = await scene.riastore(source, 'put', '--archive')
    expect([result.status, result.stdout], explain(result)).toEqual([0, expect.stringMatching(/^put 1 key,/)])
    await expectGoodIn(source, 'store')
    expect((await source.checkPresent('d2/f2.bin', 'store')).presence).toBe('present')
  })
})

describe('put', () => {
  let scene: BulkScene
  const files = manyFiles(12)
  beforeAll(async () => {
    scene = await makeBulkScene({ files, filled: false })
  })
  afterAll(() => scene?.remove())

  test('says what would go, and sends nothing', async () => {
    const result = await scene.riastore(scene.source, 'put', '-n')
    expect([result.status, result.stdout], explain(result)).toEqual([0, expect.stringMatching(/^would put 14 keys/)])
    expect(await scene.dataset.keys()).toEqual([])
  })

  test.each([[['put']], [['put', '--archive']]])(
    'a damaged object does not get into the store (%j)',
    async (command) => {
      const { source } = scene
      const { stdout } = await source.annex('contentlocation', await source.key('d5/f5.bin'))
      const object = join(source.path, stdout.trim())
      const good = files['d5/f5.bin'] as Buffer
      const write = async (content: Buffer) => {
        await chmod(object, 0o644)
        await writeFile(object, content)
        await chmod(object, 0o444)
      }
      await write(Buffer.concat([good.subarray(1), Buffer.from('x')]))
      const result = await scene.riastore(source, ...command, 'd5')
      await write(good)
      expect([result.status, result.stderr], explain(result)).toEqual([1, expect.stringContaining('git annex fsck')])
      expect(await whereis(source, 'd5/f5.bin')).not.toContain(await source.uuid('store'))
      expect((await source.checkPresent('d5/f5.bin', 'store')).presence).toBe('absent')
    },
  )

  test('what a get was killed over is not lost by a put: git-annex goes on with it', async () => {
    const { source } = scene
    const key = `MD5-s${1024 ** 3}--of-another`
    leaveDeadRun(join(source.path, '.git/annex'), { [`keys/${key}`]: 'begun' })
    const result = await scene.riastore(source, 'put', 'd1')
    expect(result.status, explain(result)).toBe(0)
    expect(await readFile(join(source.path, '.git/annex/tmp', key), 'utf8')).toBe('begun')
  })

  test('a key without a checksum is left to git-annex', async () => {
    const { source } = scene
    await source.write('content', 'worm\n')
    await source.annex('setkey', 'WORM-s5-m1--worm', 'content')
    await source.annex('fromkey', 'WORM-s5-m1--worm', 'worm')
    const result = await scene.riastore(source, 'put', 'worm')
    expect([result.status, result.stderr], explain(result)).toEqual([0, expect.stringContaining('left to git-annex')])
    expect((await source.checkPresentKey('WORM-s5-m1--worm', 'store')).presence).toBe('present')
  })

  test('a remote that git-annex does not know is an error, in its words', async () => {
    const result = await scene.riastore(scene.source, 'put', '--to', 'nosuch')
    const words = expect.stringContaining('there is no available git remote named "nosuch"')
    expect([result.status, result.stderr], explain(result)).toEqual([1, words])
  })

  test('datalad push finds nothing to copy afterwards', async () => {
    const { source } = scene
    expect((await scene.riastore(source, 'put')).status).toBe(0)
    await source.git('remote', 'add', 'sibling', scene.dataset.path)
    await source.setConfig('remote.sibling.annex-ignore', 'true')
    await source.setConfig('remote.sibling.datalad-publish-depends', 'store')
    const { stdout } = await source.datalad('-f', 'json', 'push', '--to', 'sibling')
    const said = stdout
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as { action: string })
    expect(said.filter(({ action }) => action === 'copy')).toEqual([])
    expect(said.filter(({ action }) => action === 'publish').length).toBeGreaterThan(0)
  })

  test('a store that is only read is told, and several siblings have to be chosen from', async () => {
    const { source } = scene
    await source.annex(
      'initremote',
      'second',
      'type=external',
      'externaltype=ora',
      'encryption=none',
      `archive-id=${scene.datasetId}`,
      `url=${scene.url}`,
    )
    const several = await scene.riastore(source, 'put')
    expect([several.status, several.stderr], explain(several)).toEqual([2, expect.stringContaining('--to')])
    await writeFile(join(scene.dataset.path, 'ria-layout-version'), '77\n')
    const unknown = await scene.riastore(source, 'put', '--to', 'second')
    await writeFile(join(scene.dataset.path, 'ria-layout-version'), '2\n')
    expect([unknown.status, unknown.stderr], explain(unknown)).toEqual([2, expect.stringContaining('read-only')])
  })

  test('a key that an append-only store has is recorded as there, and not replaced', async () => {
    const { source } = scene
    const layout = join(scene.dataset.path, 'ria-layout-version')
    const files = ['d0/f0.bin', 'd2/f2.bin']
    const keys = await Promise.all(files.map((file) => source.key(file)))
    const objects = await Promise.all(keys.map((key) => scene.dataset.keyFile(source, key)))
    const inodes = () => Promise.all(objects.map(async (path) => (await stat(path)).ino))
    const before = await inodes()
    const uuid = await source.uuid('store')
    for (const key of keys) await source.annex('setpresentkey', key, uuid, '0')
    await writeFile(layout, '2|a\n')
    const result = await scene.riastore(source, 'put', '--to', 'store', ...files)
    await writeFile(layout, '2\n')
    expect([result.status, result.stderr], explain(result)).toEqual([0, ''])
    for (const file of files) expect(await whereis(source, file)).toContain(uuid)
    expect(await inodes()).toEqual(before)
  })
})
