import { expect, test } from 'vitest'
import { execWithin } from '../../../../src/setup/sibling/exec.ts'
import { openLocalStore } from '../../../../src/store/local/local.ts'

test('a program in the store that does not end is given up, and told of', async () => {
  const store = openLocalStore({ root: '/tmp' })
  await expect(execWithin(store, ['sleep', '60'], {}, 100)).rejects.toMatchObject({
    kind: 'unreachable',
    stalled: true,
    message: 'exec /tmp: sleep did not end within 0.1 s',
  })
  expect((await execWithin(store, ['echo', 'done'], {})).stdout.toString()).toBe('done\n')
})
