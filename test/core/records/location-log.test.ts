import { expect, test } from 'vitest'
import { logPath, repositoriesIn, withPresent } from '../../../src/core/records/location-log.ts'

const [a, b, c] = ['e605dca6-446a-11e0-8b2a-002170d25c55', '26339d22-446b-11e0-9101-002170d25c55', 'c']

test('a log lies where git-annex has it', () => {
  expect(logPath('SHA256E-s0--e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')).toBe(
    'f87/4d5/SHA256E-s0--e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.log',
  )
  expect(logPath('URL--http://a/b')).toMatch(/^[0-9a-f]{3}\/[0-9a-f]{3}\/URL--http&c%%a%b\.log$/)
})

test('of each repository the newest line counts, to the last digit of its time', () => {
  const log = `1287290776.765152s 1 ${a}\n1287290776.765151999s 0 ${a}\n1287290767s 1 ${b}\n1287290767.000000001s X ${b}\n9s 1 ${c}\n`
  expect([...repositoriesIn(log)].sort()).toEqual([c, a].sort())
})

test('what is no line of a log says nothing', () => {
  expect([...repositoriesIn(`garbage\n\n12s 1\n12s 2 ${a}\n12 1 ${a}\n`)]).toEqual([])
})

test('a new line is added, of its repository the newest line before stays, and of others all byte for byte', () => {
  const log = `1.5s 0 ${a}\n1.25s 1 ${b}\nwhat is this\n2s X ${a}\n`
  expect(withPresent(log, a, 1_700_000_000_123)).toBe(`1.25s 1 ${b}\nwhat is this\n2s X ${a}\n1700000000.123s 1 ${a}\n`)
  expect(withPresent('', a, 1_700_000_000_007)).toBe(`1700000000.007s 1 ${a}\n`)
})

test('a log does not become longer each time', () => {
  const once = withPresent(`1s 0 ${a}\n2s 1 ${b}\n`, a, 1_700_000_000_000)
  expect(withPresent(once, a, 1_700_000_001_000).split('\n').length).toBe(once.split('\n').length)
})

test('a new line is newer than what was there, also when a clock was ahead', () => {
  const log = `1800000000.5s 0 ${a}\n`
  const after = withPresent(log, a, 1_700_000_000_000)
  expect(after).toBe(`${log}1800000001.500000000s 1 ${a}\n`)
  expect([...repositoriesIn(after)]).toEqual([a])
})

test('the clock of one repository does not set that of another', () => {
  expect(withPresent(`1800000000.5s 1 ${b}\n`, a, 1_700_000_000_000)).toContain(`1700000000.000s 1 ${a}\n`)
})
