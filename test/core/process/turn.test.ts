import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { inTurn } from '../../../src/core/process/turn.ts'

/** Of this test alone, whoever else runs it. */
const name = (text: string) => `${text} ${process.pid} ${performance.now()}`

test('what is asked for under one name is done one after the other, and all of it is done', async () => {
  const shared = name('shared')
  let [working, most, done] = [0, 0, 0]
  const work = async () => {
    working += 1
    most = Math.max(most, working)
    await sleep(1)
    working -= 1
    done += 1
  }
  await Promise.all(Array.from({ length: 30 }, () => inTurn(shared, work)))
  expect([most, done]).toEqual([1, 30])
})

test('what is asked for under two names is done at the same time', async () => {
  let release = () => {}
  const first = inTurn(name('one'), () => new Promise<void>((resolve) => (release = resolve)))
  expect(await inTurn(name('two'), async () => 'done')).toBe('done')
  release()
  await first
})

test('the turn of work that failed is given on, and the failure is thrown', async () => {
  const shared = name('fails')
  await expect(inTurn(shared, () => Promise.reject(new Error('no luck')))).rejects.toThrow('no luck')
  expect(await inTurn(shared, async () => 'next')).toBe('next')
})

test('who keeps the turn for too long is not waited for', async () => {
  const shared = name('stopped')
  let release = () => {}
  const stopped = inTurn(shared, () => new Promise<void>((resolve) => (release = resolve)))
  expect(await inTurn(shared, async () => 'without', { limitMs: 20 })).toBe('without')
  release()
  await stopped
})

test('who waits for a turn ends when told to', async () => {
  const shared = name('aborted')
  let release = () => {}
  const first = inTurn(shared, () => new Promise<void>((resolve) => (release = resolve)))
  const stop = new AbortController()
  const waits = inTurn(shared, async () => 'never', { signal: stop.signal })
  stop.abort(new Error('stopped'))
  await expect(waits).rejects.toThrow()
  release()
  await first
})
