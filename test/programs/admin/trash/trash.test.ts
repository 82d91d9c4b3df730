import { existsSync } from 'node:fs'
import { readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { recordAtomicPuts } from '../../../../src/ria/layout/atomic-puts.ts'
import { makeStore } from '../../../../src/ria/make-store.ts'
import { openS3Store } from '../../../../src/store/s3/s3.ts'
import { objectsOf, riastore } from '../../../support/programs/console-double.ts'
import { listTree } from '../../../support/repos/ria-store.ts'
import { contentOf, historyOf, makeSampleStore, type SampleStore } from '../../../support/repos/sample-store.ts'
import { useTestS3 } from '../../../support/servers/s3.ts'
import { makeWorkspace, type Workspace } from '../../../support/worlds/workspace.ts'

let workspace: Workspace
let sample: SampleStore
const before = { ...process.env }

beforeAll(async () => {
  workspace = await makeWorkspace()
  Object.assign(process.env, workspace.env)
  sample = await makeSampleStore(workspace, 'store', 8)
})
afterAll(async () => {
  for (const name of Object.keys(process.env)) if (!(name in before)) delete process.env[name]
  Object.assign(process.env, before)
  await workspace?.remove()
})

async function ok(...words: string[]): Promise<Record<string, unknown>[]> {
  const ran = await riastore([...words, '--json'])
  expect([ran.code, ran.stderr]).toEqual([0, ''])
  return objectsOf(ran, 'dataset')
}

describe('on a disk', () => {
  test('a dataset that others have as a subdataset is refused, in one line that names them', async () => {
    const { store, top, sub } = sample
    const { code, stderr } = await riastore(['rm', '--yes', store.root, sub.id])
    expect([code, stderr]).toEqual([
      2,
      `riastore: ${sub.id}: ${sub.id} is a subdataset of ${top.id} (sub): --force removes it all the same\n`,
    ])
    expect(existsSync(join(sub.path, 'ria-layout-version'))).toBe(true)
  })

  test('without a terminal nothing is removed before --yes', async () => {
    const { code, stderr } = await riastore(['rm', sample.store.root, sample.top.id])
    expect([code, stderr]).toEqual([2, expect.stringContaining('give --yes')])
    expect(existsSync(sample.top.path)).toBe(true)
  })

  test('a dataset that is removed is seen by no command, and comes back as it was, with its name', async () => {
    const { store, top } = sample
    const [content, history, modes] = [await contentOf(top), await historyOf(workspace, top), await listTree(top.path)]
    const [removed] = await ok('rm', '--yes', store.root, '~study')
    expect(removed).toMatchObject({ dataset: top.id, now: false, keys: { loose: 12 }, until: expect.any(String) })
    expect(existsSync(top.path)).toBe(false)
    expect((await ok('ls', store.root)).map(({ dataset }) => dataset)).toEqual([sample.sub.id])
    expect((await riastore(['check', store.root])).stdout).not.toMatch(/trash|alias|half/)
    expect((await riastore(['show', store.root, top.id])).stderr).toMatch(
      /is not in the store: it was removed from it on \d{4}-\d\d-\d\d; riastore restore brings it back until \d/,
    )
    expect(await ok('restore', store.root)).toMatchObject([{ dataset: top.id, aliases: ['study'] }])
    await ok('restore', store.root, top.id)
    expect([await contentOf(top), await historyOf(workspace, top)]).toEqual([content, history])
    const plain = (tree: typeof modes) => tree.map(({ path, mode, uid }) => [path, mode, uid])
    expect(plain(await listTree(top.path))).toEqual(plain(modes))
    expect(await readlink(join(store.root, 'alias/study'))).toBe(`../${top.id.slice(0, 3)}/${top.id.slice(3)}`)
    expect((await listTree(join(store.root, 'trash'))).map(({ path }) => path)).toEqual([])
  })

  test('what is in the trash is deleted when its time has come, and not before', async () => {
    const { store, top } = await makeSampleStore(workspace, 'timed', 3)
    await ok('rm', '--yes', '--keep', '30d', store.root, top.id)
    expect((await riastore(['gc', '--all', store.root])).code).toBe(0)
    await ok('restore', store.root, top.id)
    await ok('rm', '--yes', '--keep', '0s', store.root, top.id)
    const { code, stdout } = await riastore(['gc', '--all', store.root])
    expect([code, stdout]).toEqual([0, expect.stringContaining('the trash: deleted 1 dataset')])
    expect((await listTree(join(store.root, 'trash'))).map(({ path }) => path)).toEqual([top.id, `${top.id}/removed`])
    const { stderr } = await riastore(['restore', store.root, top.id])
    expect(stderr).toContain(`${top.id} is not in the trash`)
    expect((await riastore(['show', store.root, top.id])).stderr).toContain('for good')
  })

  test('--now leaves no file behind, and tells what there was and who may have copies', async () => {
    const { store, top } = await makeSampleStore(workspace, 'now', 3)
    const [proof] = await ok('rm', '--yes', '--now', store.root, top.id)
    expect(proof).toMatchObject({ now: true, keys: { loose: 7 }, left: 0, files: expect.any(Number) })
    const names = (await listTree(store.root)).filter(({ kind }) => kind !== 'directory').map(({ path }) => path)
    expect(names.filter((path) => path.includes(top.id.slice(3)))).toEqual([`trash/${top.id}/removed`])
    expect(await readFile(join(store.root, `trash/${top.id}/removed`), 'utf8')).toMatch(/^\{"removed":"[^"]+"\}\n$/)
  })
})

test('in S3 a dataset goes into the trash and comes back, object by object', async () => {
  const s3 = await useTestS3()
  process.env.AWS_ACCESS_KEY_ID = s3.account.accessKeyId
  process.env.AWS_SECRET_ACCESS_KEY = s3.account.secretAccessKey
  const bucket = openS3Store({ endpoint: s3.endpoint, bucket: s3.bucket, prefix: 'store', credentials: s3.account })
  await makeStore(bucket, false, {})
  await recordAtomicPuts(bucket, {})
  const url = `ria+s3+${s3.endpoint}/${s3.bucket}/store`
  const { store, top } = await makeSampleStore(workspace, 'for-s3', 3)
  await ok('copy', store.root, url, top.id)
  const names = async () => {
    const found: string[] = []
    for await (const { path } of bucket.list('')) if (!path.startsWith('riastore/')) found.push(path)
    return found.sort()
  }
  const whole = await names()
  await ok('rm', '--yes', url, '~study')
  expect((await names()).filter((path) => !path.startsWith(`trash/${top.id}/`))).toEqual(['ria-layout-version'])
  expect(await ok('ls', url)).toEqual([])
  await ok('restore', url, top.id)
  expect(await names()).toEqual(whole)
  await ok('rm', '--yes', '--now', url, top.id)
  expect(await names()).toEqual(['ria-layout-version', `trash/${top.id}/removed`])
  await bucket.close()
})
