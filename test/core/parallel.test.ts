import { expect, test } from 'vitest'
import { forEachParallel, inOrder } from '../../src/core/parallel.ts'

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

test('results come in the order of the items, however long each takes', async () => {
  const finish: (() => void)[] = []
  const work = async (item: number) => {
    if (item < 3) await new Promise<void>((resolve) => finish.push(resolve))
    else for (const end of finish.toReversed()) end()
    return item * 10
  }
  expect(await all(inOrder([1, 2, 3, 4], 3, work))).toEqual([10, 20, 30, 40])
})

test('no more than the limit is under way', async () => {
  let [now, most] = [0, 0]
  const work = async () => {
    now += 1
    most = Math.max(most, now)
    await new Promise(setImmediate)
    now -= 1
  }
  await all(inOrder(Array.from({ length: 20 }), 4, work))
  expect(most).toBe(4)
})

test('a failure is thrown in its turn, after the results before it', async () => {
  const seen: number[] = []
  const read = async () => {
    const work = async (item: number) => {
      if (item === 2) throw new Error('second')
      return item
    }
    for await (const item of inOrder([1, 2, 3], 3, work)) seen.push(item)
  }
  await expect(read()).rejects.toThrow('second')
  expect(seen).toEqual([1])
})

test('work that waits for nothing lets the rest of the process have its turn', async () => {
  let isTurn = false
  setImmediate(() => {
    isTurn = true
  })
  let isTurnMeanwhile = false
  const end = performance.now() + 20_000
  const items = function* () {
    while (!isTurnMeanwhile && performance.now() < end) {
      yield 0
      isTurnMeanwhile = isTurn
    }
  }
  await forEachParallel(items(), 4, async () => {})
  expect(isTurnMeanwhile).toBe(true)
})
