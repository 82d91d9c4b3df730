import { afterAll, beforeAll, describe, test } from 'vitest'
import { killGets, killPuts } from '../support/kill/kill-bulk.ts'
import { type BulkScene, makeBulkScene, manyFiles } from '../support/worlds/bulk-scene.ts'

const files = manyFiles(25)

describe('killed at once at any moment', () => {
  let [getting, putting] = [undefined as BulkScene | undefined, undefined as BulkScene | undefined]
  beforeAll(async () => {
    getting = await makeBulkScene({ files, unlocked: ['d1/f1.bin', 'd2/f2.bin'] })
    putting = await makeBulkScene({ files, filled: false })
  })
  afterAll(() => Promise.all([getting?.remove(), putting?.remove()]))

  test('a get has placed nothing that is not whole and recorded nothing that is not there, and the next one finishes', async () => {
    if (getting) await killGets(getting, files, 2)
  })

  test('a put has recorded nothing that the store does not have, and the next one finishes', async () => {
    if (putting) await killPuts(putting, files, 2)
  })
})
