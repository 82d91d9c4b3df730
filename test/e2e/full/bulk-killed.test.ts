import { afterEach, describe, test } from 'vitest'
import { chooseSeed } from '../../support/faults/numbers.ts'
import { disturbGets, disturbPuts, type Trouble } from '../../support/kill/disturb-bulk.ts'
import { type BulkScene, makeBulkScene, manyFiles } from '../../support/worlds/bulk-scene.ts'

const files = manyFiles(200)
const seed = chooseSeed()
let scene: BulkScene | undefined
afterEach(() => scene?.remove())

/** Of each command, with a store of each kind. */
const KILLS = Number(process.env.RIASTORE_KILLS ?? 100)

/** Every other time with all that it started. */
const kills = Array.from({ length: KILLS }, (_, i): Trouble => (i % 2 === 0 ? 'killed' : 'all killed'))

describe.each(['file', 'ssh', 's3'] as const)(`killed at any of ${KILLS} moments, with a store by %s`, (store) => {
  test('a get leaves nothing wrong, and the next one finishes', async () => {
    scene = await makeBulkScene({ store, files, unlocked: ['d1/f1.bin', 'd2/f2.bin'] })
    await disturbGets({ scene, files, seed }, kills)
  })

  test('a put leaves nothing wrong, and the next one finishes', async () => {
    scene = await makeBulkScene({ store, files, filled: false })
    await disturbPuts({ scene, files, seed }, kills)
  })

  test('a put --archive leaves nothing wrong, and the next one finishes', async () => {
    scene = await makeBulkScene({ store, files, filled: false })
    await disturbPuts({ scene, files, seed }, kills, '--archive')
  })
})
