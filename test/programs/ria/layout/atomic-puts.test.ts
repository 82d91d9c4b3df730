import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { compact } from '../../../../src/admin/compaction/compact.ts'
import { unarchive } from '../../../../src/admin/compaction/unarchive.ts'
import { examinePlace, examineStore } from '../../../../src/admin/doctor/examine.ts'
import { datasetDirectory } from '../../../../src/ria/layout/paths.ts'
import { StoredDataset } from '../../../../src/ria/layout/stored-dataset.ts'
import { openS3Store } from '../../../../src/store/s3/s3.ts'
import type { Store } from '../../../../src/store/store.ts'
import { paths, write } from '../../../support/stores/stores.ts'
import { makeS3Scene, type S3Scene } from '../../../support/worlds/s3-scene.ts'
import { makeWorkspace, type Workspace } from '../../../support/worlds/workspace.ts'

let workspace: Workspace
let scene: S3Scene
let store: Store
beforeAll(async () => {
  workspace = await makeWorkspace()
  scene = await makeS3Scene(workspace, { isPublic: true })
})
afterAll(() => workspace?.remove())

const ID = 'a00-of-the-race'
const DIRECTORY = datasetDirectory(ID)

/**
 * An S3 server, with a Ceph behind it, of which each sixth request loses its condition on its way:
 * as with Swift, two or three of twelve win.
 */
beforeEach(async () => {
  scene.faults.reset()
  let puts = 0
  scene.faults.misbehave({ on: /^PUT/, deafTo: ['if-none-match'], chance: () => ++puts % 6 === 0 })
  const prefix = `store-${Math.random()}`
  store = openS3Store({ endpoint: scene.faults.endpoint, bucket: scene.s3.bucket, prefix, credentials: 'none' })
  workspace.onRemove(() => store.close())
})

describe('an S3 server that does not always honour If-None-Match', () => {
  test('is found out before a store is made, and when one is examined', async () => {
    const before = await examinePlace(store, { report: () => {} })
    await write(store, 'ria-layout-version', '1\n')
    const after = await examineStore(store, { report: () => {} })
    for (const findings of [before, after]) {
      const unsafe = findings.filter(({ check }) => check.startsWith('put-if-absent')).map(({ result }) => result)
      expect(unsafe).toContain('unsafe')
    }
    expect((await paths(store, '')).filter((path) => path.startsWith('riastore'))).toEqual([])
  })

  test('is found out before anything is packed or unpacked', async () => {
    await write(store, 'ria-layout-version', '1\n')
    await write(store, `${DIRECTORY}/ria-layout-version`, '2\n')
    await write(store, `${DIRECTORY}/archives/archive.7z`, 'one')
    const named = { kind: 'unsupported', message: expect.stringContaining('ignores If-None-Match') }
    await expect(compact(new StoredDataset(store, DIRECTORY))).rejects.toMatchObject(named)
    await expect(unarchive(new StoredDataset(store, DIRECTORY))).rejects.toMatchObject(named)
    expect(await paths(store, `${DIRECTORY}/archives`)).toEqual([`${DIRECTORY}/archives/archive.7z`])
  })
})
