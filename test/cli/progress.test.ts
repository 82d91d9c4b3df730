import { expect, test } from 'vitest'
import type { JsonObject } from '../../src/cli/json-lines.ts'
import { progressOn, type Step } from '../../src/cli/progress.ts'

/** A progress whose clock stands still unless it is told otherwise, and what it showed. */
function watched({ isTerminal = true, json = false, columns = 80 } = {}) {
  const shown: (string | undefined)[] = []
  const objects: JsonObject[] = []
  let ms = 0
  const terminal = {
    columns,
    isTerminal,
    signal: new AbortController().signal,
    print: () => {},
    write: async () => {},
    fail: () => {},
    note: (line: string) => shown.push(line),
    showStatus: (line: string | undefined) => shown.push(line),
    confirm: async () => true,
  }
  const progress = progressOn(terminal, json ? (object) => objects.push(object) : undefined, () => ms)
  const show = (step: Partial<Step>, later = 0) => {
    ms += later
    progress.show({ label: 'packing', done: 0, total: 0, unit: 'bytes', ...step })
  }
  return { show, clear: () => progress.clear(), shown, objects }
}

test('a terminal shows each new step at once, and its share as soon as there is one, however fast they come', () => {
  const { show, shown } = watched()
  show({})
  show({ total: 4, unit: 'steps' })
  show({ done: 1, total: 4, unit: 'steps' })
  show({ label: 'verifying', done: 2, total: 4, unit: 'steps' })
  expect(shown).toEqual(['packing  0 B', 'packing  0%', 'verifying  50%'])
})

test('a terminal shows a step that goes on ten times a second, with its rate and the time that is left', () => {
  const { show, shown } = watched()
  show({ total: 10_000_000 })
  show({ done: 1, total: 10_000_000 }, 50)
  show({ done: 1_000_000, total: 10_000_000 }, 950)
  expect(shown).toHaveLength(2)
  expect(shown[1]).toMatch(/^packing {2}10% {2}[^ ]+ .*of .* {2}.*\/s {2}9 s left$/)
})

test('no line is wider than the terminal', () => {
  for (const columns of [40, 12]) {
    const { show, shown } = watched({ columns })
    show({ label: 'a long label of a dataset, packing', total: 10_000_000 })
    expect((shown[0] ?? '').length).toBeLessThan(columns)
  }
})

test('where there is no terminal a line comes every 30 s, and none before', () => {
  const { show, shown } = watched({ isTerminal: false })
  show({ total: 8 })
  show({ label: 'verifying', done: 1, total: 8 }, 29_000)
  expect(shown).toEqual([])
  show({ done: 2, total: 8 }, 1_000)
  show({ done: 3, total: 8 }, 29_999)
  expect(shown).toEqual([expect.stringContaining('packing')])
})

test('JSON has an object a second, with the seconds that are left', () => {
  const { show, objects, shown } = watched({ json: true })
  show({ total: 8, unit: 'keys' })
  show({ label: 'verifying', total: 8, unit: 'keys' })
  show({ label: 'verifying', done: 4, total: 8, unit: 'keys' }, 2_000)
  expect(shown).toEqual([])
  expect(objects).toEqual([
    expect.objectContaining({ type: 'progress', phase: 'packing', done: 0, total: 8, unit: 'keys' }),
    { type: 'progress', phase: 'verifying', unit: 'keys', done: 4, total: 8, perSecond: 2, secondsLeft: 2 },
  ])
})
