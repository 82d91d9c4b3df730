import { expect, test } from 'vitest'
import { splitMatching } from '../../../src/cli/words/matching-options.ts'

test("git-annex's matching options are taken out of a command line in their order", () => {
  const args = [
    'get',
    '--json',
    '--not',
    '--in=here',
    '-(',
    '--include',
    '*.nii',
    '--or',
    '--metadata',
    'a=b',
    '-)',
    'sub',
    '-J',
    '2',
  ]
  expect(splitMatching(args)).toEqual({
    matching: ['--not', '--in=here', '-(', '--include', '*.nii', '--or', '--metadata', 'a=b', '-)'],
    rest: ['get', '--json', 'sub', '-J', '2'],
  })
})

test('what follows -- is a path', () => {
  expect(splitMatching(['get', '--', '--not'])).toEqual({ matching: [], rest: ['get', '--', '--not'] })
})

test('an option that is none of them is left to the command', () => {
  expect(splitMatching(['get', '--inn=x', '--from', 'a'])).toEqual({
    matching: [],
    rest: ['get', '--inn=x', '--from', 'a'],
  })
})
