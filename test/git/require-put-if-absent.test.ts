import { expect, test } from 'vitest'
import { StoreError } from '../../src/core/errors.ts'
import { Memory } from '../../src/git/refs/remembered.ts'
import { whyLost } from '../../src/git/refs/require-put-if-absent.ts'
import { recordAtomicPuts, requireAtomicPuts } from '../../src/ria/layout/atomic-puts.ts'
import { StoredDataset } from '../../src/ria/layout/stored-dataset.ts'
import { withFaults } from '../../src/store/wrappers/faulty.ts'
import { memoryStore, withTraits } from '../support/stores/memory-dataset.ts'
import { withMethods } from '../support/stores/stores.ts'

const LATE = new StoreError({ kind: 'corrupt', op: 'get', where: 'here', message: 'the push took so long' })

test('a push that is lost on a server that lets two win is told so by name, and it is tried again before the next', async () => {
  const store = withTraits(await memoryStore(), { conditionalPuts: true })
  await recordAtomicPuts(store, {})
  const memory = new Memory(undefined, 'here')
  await memory.save({ refusedMs: Date.now() })
  let count = 0
  const deaf = withMethods(store, {
    // Each tenth is not heard.
    put: (path, source, { ifAbsent = false, ...options } = {}) =>
      store.put(path, source, { ...options, ifAbsent: ifAbsent && ++count % 10 !== 0 }),
  })
  const error = await whyLost(new StoredDataset(deaf, 'abc/def'), memory, LATE)
  expect(error).toMatchObject({ kind: 'corrupt', message: expect.stringMatching(/replaced .* ignores If-None-Match/) })
  expect((await memory.load()).refusedMs).toBe(0)
  await expect(requireAtomicPuts(new StoredDataset(deaf, 'abc/def'), 'push')).rejects.toMatchObject({
    kind: 'unsupported',
  })
})

test('a push that is lost because it took so long is told so, where the server keeps what it is asked to keep', async () => {
  const store = withTraits(await memoryStore(), { conditionalPuts: true })
  expect(await whyLost(new StoredDataset(store, 'abc/def'), new Memory(undefined, 'here'), LATE)).toBe(LATE)
  const unreachable = withFaults(store, () => ({ fail: 'unreachable' }))
  expect(await whyLost(new StoredDataset(unreachable, 'abc/def'), new Memory(undefined, 'here'), LATE)).toBe(LATE)
})
