import { afterAll, beforeAll, test } from 'vitest'
import { killGets, killPuts } from '../../support/kill/kill-bulk.ts'
import { type BulkScene, makeBulkScene, manyFiles } from '../../support/worlds/bulk-scene.ts'

const files = manyFiles(200)
let getting: BulkScene
let putting: BulkScene
let packing: BulkScene
beforeAll(async () => {
  getting = await makeBulkScene({ files, unlocked: ['d1/f1.bin', 'd2/f2.bin'] })
  putting = await makeBulkScene({ files, filled: false })
  packing = await makeBulkScene({ files, filled: false })
})
afterAll(() => Promise.all([getting?.remove(), putting?.remove(), packing?.remove()]))

test('a get that is killed at any of 100 moments leaves nothing wrong, and the next one finishes', async () => {
  await killGets(getting, files, 100)
})

test('a put that is killed at any of 50 moments leaves nothing wrong, and the next one finishes', async () => {
  await killPuts(putting, files, 50)
})

test('a put --archive that is killed at any of 25 moments leaves nothing wrong, and the next one finishes', async () => {
  await killPuts(packing, files, 25, '--archive')
})
