import { expect, test } from 'vitest'
import { GitConfig } from '../../src/core/git-config.ts'
import { stallMsOf } from '../../src/core/stall-timeout.ts'

const OWN = 'remote.store.riastore-stall-timeout'

test.each<[number, Record<string, string>]>([
  [30_000, {}],
  [90_000, { 'riastore.stall-timeout': '90' }],
  [500, { 'riastore.stall-timeout': '90', [OWN]: '0.5' }],
])('a call may be silent for %i ms with the settings %j', (ms, settings) => {
  expect(stallMsOf(new GitConfig(Object.entries(settings)), 'store')).toBe(ms)
})

test('the setting of a remote concerns no other, and no command without a remote', () => {
  const git = new GitConfig([[OWN, '5']])
  expect(stallMsOf(git, 'other')).toBe(30_000)
  expect(stallMsOf(git)).toBe(30_000)
})

test.each(['0', '-1', '', ' ', 'soon', '86401', 'Infinity'])(
  'the value %j is refused, by the name of its setting',
  (value) => {
    expect(() => stallMsOf(new GitConfig([[OWN, value]]), 'store')).toThrow(/^riastore-stall-timeout is ".*": a number/)
    expect(() => stallMsOf(new GitConfig([['riastore.stall-timeout', value]]))).toThrow(
      /^riastore\.stall-timeout is ".*"/,
    )
  },
)
