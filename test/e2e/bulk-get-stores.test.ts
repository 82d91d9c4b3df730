import { randomBytes } from 'node:crypto'
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

const STORES: readonly BulkStore[] = ['file', 'ssh', 's3']

// On a disk: bulk-get.test.ts; in S3 below, with the credentials that git-annex keeps.
describe.each(variants<BulkStore>([], STORES))('keys that are loose in a store by %s', (store) => {
  let scene: BulkScene
  // So many that they begin to come while git-annex still finds others.
  const files = manyFiles(70)
  beforeAll(async () => {
    scene = await makeBulkScene({ store, files })
  })
  afterAll(() => scene?.remove())

  test('come all, checked and recorded', async () => {
    const repo = await scene.clone('all')
    const result = await scene.riastore(repo, 'get')
    expect([result.status, result.stderr], explain(result)).toEqual([0, ''])
    await expectAllHere(repo, files)
    expect(await whereis(repo, 'd0/f0.bin')).toContain(await repo.uuid())
  })
})

describe.each(variants<BulkStore>(['ssh', 's3'], STORES))('keys that are in an archive in a store by %s', (store) => {
  let scene: BulkScene
  // Loose ones, too; a large one in the middle; neighbours that nobody wants.
  const files: Record<string, Buffer> = { ...manyFiles(60), 'later.bin': randomBytes(5000) }
  const archived = Object.keys(files).filter((name) => name !== 'later.bin')
  beforeAll(async () => {
    scene = await makeBulkScene({ store, files, filled: false })
    await scene.source.annex('copy', '--to', 'store', '-J2', ...archived)
    const packed = await scene.riastore(scene.source, 'archive', '--yes', scene.url, scene.datasetId)
    expect(packed.status, explain(packed)).toBe(0)
    await scene.source.annex('copy', '--to', 'store', 'later.bin')
    await scene.source.annex('merge')
  })
  afterAll(() => scene?.remove())

  test('come all, checked and recorded', async () => {
    const repo = await scene.clone('all')
    const before = scene.s3?.faults.requests.length ?? 0
    const result = await scene.riastore(repo, 'get')
    expect([result.status, result.stderr], explain(result)).toEqual([0, ''])
    await expectAllHere(repo, files)
    // A few for the layout, the archive and its index, the large key, the loose one; not one for
    // each key.
    if (scene.s3) expect(scene.s3.faults.requests.slice(before).length).toBeLessThan(20)
  })

  test('come alone, from the middle', async () => {
    const repo = await scene.clone('some')
    const some = ['d3/f10.bin', 'd4/f11.bin', 'd1/f57.bin', 'empty']
    const result = await scene.riastore(repo, 'get', ...some)
    expect([result.status, result.stdout], explain(result)).toEqual([0, expect.stringMatching(/^got 4 keys/)])
    await expectHave(repo, some)
  })

  // The marks of dropped keys are listed in the same way in each store.
  if (!variants<BulkStore>(['ssh'], STORES).includes(store)) return
  test('do not come when they were dropped, and come when they are stored again', async () => {
    const repo = await scene.clone('dropped')
    await scene.source.annex('drop', '--from', 'store', '--force', 'd2/f2.bin')
    const result = await scene.riastore(repo, 'get', '--from=store', 'd2')
    expect(result.status, explain(result)).toBe(1)
    expect(await repo.has('d2/f2.bin')).toBe(false)
    expect(await repo.has('d2/f9.bin')).toBe(true)
    await scene.source.annex('copy', '--to', 'store', 'd2/f2.bin')
    expect((await scene.riastore(repo, 'get', '--from=store', 'd2')).status).toBe(0)
    await expectHave(repo, ['d2/f2.bin'])
  })

  async function expectHave(repo: AnnexRepo, names: readonly string[]): Promise<void> {
    for (const name of names) expect((await repo.read(name)).equals(files[name] as Buffer), name).toBe(true)
  }
})

describe('credentials', () => {
  test('that git-annex keeps for the maker of a remote in S3 are used', async () => {
    const files = manyFiles(3)
    const scene = await makeBulkScene({ store: 's3', files })
    try {
      const repo = scene.source // who made the remote
      await repo.annex('drop', '.')
      const { AWS_ACCESS_KEY_ID: _user, AWS_SECRET_ACCESS_KEY: _secret, ...without } = scene.env
      const result = await scene.program.run(['get'], { cwd: repo.path, env: without })
      expect([result.status, result.stderr], explain(result)).toEqual([0, ''])
      await expectAllHere(repo, files)
    } finally {
      await scene.remove()
    }
  })
})

describe('an archive that has to be unpacked', () => {
  test('is unpacked once for the keys of a folder', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 30 }, (_, i) => [`f${i}`, Buffer.from(`text ${i}\n`.repeat(500 + i))]),
    )
    const scene = await makeBulkScene({ files })
    try {
      const args = ['archive', '--yes', '--level=5', scene.url, scene.datasetId]
      const packed = await scene.riastore(scene.source, ...args)
      expect(packed.status, explain(packed)).toBe(0)
      const repo = await scene.clone('packed')
      const result = await scene.riastore(repo, 'get')
      expect([result.status, result.stderr], explain(result)).toEqual([0, ''])
      await expectAllHere(repo, files)
    } finally {
      await scene.remove()
    }
  })
})
