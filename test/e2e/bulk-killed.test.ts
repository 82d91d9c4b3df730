import { afterEach, test } from 'vitest'
import { disturbGets, disturbPuts } from '../support/kill/disturb-bulk.ts'
import { type BulkScene, makeBulkScene, manyFiles } from '../support/worlds/bulk-scene.ts'

// All troubles, at many moments, on disk and ssh: full/bulk-disturbed.test.ts.
// So many that small ones begin to come while git-annex still finds others.
const files = manyFiles(70)
const seed = Math.floor(Math.random() * 2 ** 32)
let scene: BulkScene | undefined
afterEach(() => scene?.remove())

test('whatever happens to a get, nothing is wrong, what is recorded is there, and the next one finishes', async () => {
  scene = await makeBulkScene({ files, unlocked: ['d1/f1.bin', 'd2/f2.bin'] })
  await disturbGets({ scene, files, seed }, ['all killed', 'stopped', 'gone', 'archive'])
})

test('whatever happens to a put, nothing is recorded that the store does not have, and the next one finishes', async () => {
  scene = await makeBulkScene({ files, filled: false })
  await disturbPuts({ scene, files, seed }, ['killed', 'gone'])
})
