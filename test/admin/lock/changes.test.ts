import { expect, test } from 'vitest'
import { Changes } from '../../../src/admin/lock/changes.ts'
import { withLock } from '../../../src/admin/lock/lock.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { DIRECTORY, memoryStore } from '../../support/stores/memory-dataset.ts'

const CHANGES = 50

test('between changes the rest of the process has its turn, signals and timers among it, though no call of the store waits', async () => {
  const dataset = new StoredDataset(await memoryStore(), DIRECTORY)
  let turns = 0
  await withLock(dataset, {}, async (lock, signal) => {
    const changes = new Changes(dataset, lock, { signal })
    const onTurn = () => {
      turns += 1
      next = setImmediate(onTurn)
    }
    let next = setImmediate(onTurn)
    for (let i = 0; i < CHANGES; i++) await changes.whileProven('whichever', async () => {})
    clearImmediate(next)
  })
  expect(turns).toBeGreaterThanOrEqual(CHANGES - 1)
})
