import { describe, expect, test } from 'vitest'
import { type History, judge, nextState, type RefUpdate } from '../../src/git/push-rules.ts'
import { EMPTY_STATE, type RefState } from '../../src/git/refs/ref-state.ts'

const id = (letter: string) => letter.repeat(40)
const [OLD, NEW, OTHER] = [id('a'), id('b'), id('c')]
const MAIN = 'refs/heads/main'

const withRefs = (refs: Readonly<Record<string, string>>, rest: Partial<RefState> = {}): RefState => ({
  ...EMPTY_STATE,
  generation: 3,
  refs: new Map(Object.entries(refs)),
  ...rest,
})

/** A pusher who has OLD and NEW, which was made on top of it. */
const history: History = {
  has: async (commit) => commit === OLD || commit === NEW,
  isAncestor: async (ancestor, of) => ancestor === OLD && of === NEW,
}

const update = (name: string, to: string | undefined, force = false): RefUpdate => ({ name, to, force })

async function decide(updates: readonly RefUpdate[], current: RefState, { listed = current, atomic = false } = {}) {
  return Object.fromEntries(await judge(updates, listed, current, { atomic, history }))
}

describe('a push', () => {
  test.each([
    ['a new branch is taken', {}, update(MAIN, NEW), undefined],
    ['a branch may go forward', { [MAIN]: OLD }, update(MAIN, NEW), undefined],
    ['a branch may not go back', { [MAIN]: NEW }, update(MAIN, OLD), 'non-fast forward'],
    ['a branch may go back by force', { [MAIN]: NEW }, update(MAIN, OLD, true), undefined],
    ['nobody replaces what they have not seen', { [MAIN]: OTHER }, update(MAIN, NEW), 'fetch first'],
    ['a tag is not moved', { 'refs/tags/v1': OLD }, update('refs/tags/v1', NEW), 'already exists'],
    ['a tag is moved by force', { 'refs/tags/v1': OLD }, update('refs/tags/v1', NEW, true), undefined],
    ['a name that git would not take is refused', {}, update('refs/heads/a..b', NEW), 'funny refname'],
    [
      'a branch that is not the current one may go',
      { 'refs/heads/x': OLD },
      update('refs/heads/x', undefined),
      undefined,
    ],
  ])('%s', async (_title, refs, wanted, reason) => {
    expect(await decide([wanted], withRefs(refs))).toEqual({ [wanted.name]: reason })
  })

  test('the current branch is not deleted, even by force', async () => {
    const state = withRefs({ [MAIN]: OLD }, { head: MAIN })
    expect(await decide([update(MAIN, undefined, true)], state)).toEqual({
      [MAIN]: 'deletion of the current branch prohibited',
    })
  })

  test('of a ref that somebody changed since it was listed is refused, even by force', async () => {
    const state = withRefs({ [MAIN]: NEW })
    const options = { listed: withRefs({ [MAIN]: OLD }) }
    expect(await decide([update(MAIN, NEW, true)], state, options)).toEqual({ [MAIN]: 'fetch first' })
  })

  test('changes nothing when it is atomic and one ref is refused', async () => {
    const state = withRefs({ [MAIN]: NEW })
    const updates = [update(MAIN, OLD), update('refs/heads/x', NEW)]
    expect(await decide(updates, state, { atomic: true })).toEqual({
      [MAIN]: 'non-fast forward',
      'refs/heads/x': 'atomic push failed',
    })
  })
})

describe('the next state', () => {
  const state = withRefs({ [MAIN]: OLD, 'refs/tags/v1': OLD }, { head: MAIN, packs: ['pack-1'], aliases: ['raw'] })

  test('has the changed refs, one more pack, and all else as it was', () => {
    const next = nextState(state, [update(MAIN, NEW), update('refs/tags/v1', undefined)], new Map(), 'pack-2', 'x')
    expect(next).toEqual({
      ...state,
      generation: 4,
      refs: new Map([[MAIN, NEW]]),
      packs: ['pack-1', 'pack-2'],
    })
  })

  test('names a pack once', () => {
    expect(nextState(state, [], new Map(), 'pack-1', undefined).packs).toEqual(['pack-1'])
  })

  test('knows what an annotated tag leads to, and forgets it with the tag', () => {
    const tagged = nextState(state, [update('refs/tags/v2', OTHER)], new Map([[OTHER, NEW]]), undefined, undefined)
    expect(tagged.peeled).toEqual(new Map([['refs/tags/v2', NEW]]))
    expect(nextState(tagged, [update('refs/tags/v2', undefined)], new Map(), undefined, undefined).peeled.size).toBe(0)
  })

  test.each([
    ['stays where its branch is', { [MAIN]: OLD }, MAIN, 'refs/heads/x', MAIN],
    [
      'goes to the branch that the pusher is on',
      { 'refs/heads/x': NEW, [MAIN]: NEW },
      undefined,
      'refs/heads/x',
      'refs/heads/x',
    ],
    [
      'goes to any other branch before git-annex',
      { 'refs/heads/git-annex': NEW, 'refs/heads/y': NEW },
      undefined,
      undefined,
      'refs/heads/y',
    ],
  ])('HEAD %s', (_title, refs, head, wanted, expected) => {
    const before = withRefs({}, { head: undefined })
    const updates = Object.entries(refs).map(([name, to]) => update(name, to))
    expect(nextState({ ...before, head }, updates, new Map(), undefined, wanted).head).toBe(expected)
  })
})
