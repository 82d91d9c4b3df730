import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { throttle } from '../../src/annex/throttle.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

test('at most ten numbers a second pass, at least one, and never one twice in a row', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 200 }), (pauses) => {
      const passed: { at: number; bytes: number }[] = []
      const report = throttle((bytes) => passed.push({ at: performance.now(), bytes }))
      const began = performance.now()
      let bytes = 0
      for (const pause of pauses) {
        vi.advanceTimersByTime(pause)
        bytes += pause % 3
        report(bytes)
      }
      const times = [began, ...passed.map(({ at }) => at)]
      for (const [i, at] of times.slice(1).entries()) expect(at - (times[i] ?? 0)).toBeGreaterThanOrEqual(100)
      expect(new Set(passed.map((each) => each.bytes)).size).toBe(passed.length)
    }),
  )
})

test('what lasts is told every tenth of a second', () => {
  const passed: number[] = []
  const report = throttle((bytes) => passed.push(bytes))
  for (let ms = 10; ms <= 1000; ms += 10) {
    vi.advanceTimersByTime(10)
    report(ms)
  }
  expect(passed).toEqual([100, 200, 300, 400, 500, 600, 700, 800, 900, 1000])
})

test('what is done at once is not told at all', () => {
  const passed: number[] = []
  const report = throttle((bytes) => passed.push(bytes))
  for (let n = 1; n < 1000; n++) report(n)
  expect(passed).toEqual([])
})
