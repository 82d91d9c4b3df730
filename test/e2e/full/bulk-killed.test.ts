import { afterEach, test } from 'vitest'
import { chooseSeed } from '../../support/faults/numbers.ts'
import { disturbGets, disturbPuts, type Trouble } from '../../support/kill/disturb-bulk.ts'
import { type BulkScene, makeBulkScene, manyFiles } from '../../support/worlds/bulk-scene.ts'

const files = manyFiles(200)
const seed = chooseSeed()
let scene: BulkScene | undefined
afterEach(() => scene?.remove())

/** Every other time with all that it started. */
const kills = (count: number) =>
  Array.from({ length: count }, (_, i): Trouble => (i % 2 === 0 ? 'killed' : 'all killed'))

test('a get that is killed at any of 100 moments leaves nothing wrong, and the next one finishes', async () => {
  scene = await makeBulkScene({ files, unlocked: ['d1/f1.bin', 'd2/f2.bin'] })
  await disturbGets({ scene, files, seed }, kills(100))
})

test('a put that is killed at any of 100 moments leaves nothing wrong, and the next one finishes', async () => {
  scene = await makeBulkScene({ files, filled: false })
  await disturbPuts({ scene, files, seed }, kills(100))
})

test('a put --archive that is killed at any of 100 moments leaves nothing wrong, and the next one finishes', async () => {
  scene = await makeBulkScene({ files, filled: false })
  await disturbPuts({ scene, files, seed }, kills(100), '--archive')
})
