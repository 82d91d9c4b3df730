import { expect, test } from 'vitest'
import { headAfter } from '../../../src/git/mend/plausible-head.ts'

const state = (head: string | undefined, ...names: readonly string[]) => ({
  head,
  refs: new Map(names.map((name) => [name, 'an id'] as const)),
})

test.each([
  ['refs/heads/main', undefined, ['refs/heads/main', 'refs/heads/x'], 'is right'],
  ['refs/heads/gone', 'refs/heads/x', ['refs/heads/x', 'refs/heads/git-annex', 'refs/tags/v1'], 'must be the only one'],
  ['refs/heads/gone', 'refs/heads/main', ['refs/heads/x', 'refs/heads/y', 'refs/heads/main'], 'is most likely main'],
  [undefined, 'refs/heads/master', ['refs/heads/x', 'refs/heads/master', 'refs/heads/synced/main'], 'is likely master'],
  ['refs/heads/gone', undefined, ['refs/heads/main', 'refs/heads/master'], 'may be either'],
  ['refs/heads/gone', undefined, ['refs/heads/x', 'refs/heads/y'], 'may be any'],
  ['refs/heads/gone', undefined, ['refs/heads/git-annex'], 'is none of these'],
  ['refs/heads/gone', undefined, [], 'is of an empty repository'],
])('HEAD, which points to %s, is to point to %s with the branches %j: it %s', (head, wanted, names, _why) => {
  expect(headAfter(state(head, ...names), new Map())).toBe(wanted)
})

test('HEAD leaves a branch that is about to go', () => {
  const refs = state('refs/heads/main', 'refs/heads/main', 'refs/heads/x')
  expect(headAfter(refs, new Map([['refs/heads/main', 'an id']]))).toBe('refs/heads/x')
})
