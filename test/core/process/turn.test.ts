import { syncBuiltinESMExports } from 'node:module'
import { createServer } from 'node:net'
import os from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { inTurn, turnAddress } from '../../../src/core/process/turn.ts'

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

test('somebody who has taken the name and sends everybody away is not asked for ever', async () => {
  const shared = name('stranger')
  const stranger = createServer((socket) => setTimeout(() => socket.destroy(), 5))
  await new Promise<void>((resolve) => stranger.listen({ path: turnAddress(shared) }, resolve))
  expect(await inTurn(shared, async () => 'without', { limitMs: 20 })).toBe('without')
  stranger.close()
})

test('a user id without a name, as in a container, has turns, too', async () => {
  const { userInfo } = os
  os.userInfo = () => {
    throw new Error('ENOENT: no such file or directory, uv_os_get_passwd')
  }
  syncBuiltinESMExports()
  try {
    expect(await inTurn(name('nobody'), async () => 'done')).toBe('done')
  } finally {
    os.userInfo = userInfo
    syncBuiltinESMExports()
  }
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
