import { expect, test } from 'vitest'
import { complete } from '../../../src/cli/help/complete.ts'

test.each([
  [['una'], ['unarchive']],
  [['alias', 'r'], ['rm']],
  [
    ['site', ''],
    ['add', 'ls', 'show', 'rm', 'check'],
  ],
  [['archive', '--li'], ['--list']],
  [
    ['-q', 'archive', '--ver'],
    ['--verify', '--verbose', '--version'],
  ],
  [['create-sibling', '--existing', 'r'], ['reconfigure']],
  [['create-sibling-gitlab', '--no-c'], ['--no-create-groups']],
  [['completion', 'f'], ['fish']],
  [['help', 'site r'], ['site rm']],
  [['complete-w'], []],
])('%j may become %j', (words, expected) => {
  expect(complete(words).words).toEqual(expected)
})

test.each([
  [['show', '/store', ''], '/store'],
  [['archive', '--level', '3', '/store', 'abc'], '/store'],
  [['alias', 'set', 'lab', '~'], 'lab'],
  [['show', '~'], undefined],
])('in %j a dataset of %s is looked for', (words, store) => {
  expect(complete(words).datasetsOf).toEqual({ store })
})

test('where a store stands, files are completed, and datasets are not looked for', () => {
  expect(complete(['show', ''])).toEqual({ words: [] })
  expect(complete(['archive', '--level', ''])).toEqual({ words: [] })
})
