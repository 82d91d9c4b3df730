import { expect, test } from 'vitest'
import { GitConfig } from '../../../src/core/git-config.ts'
import { Agreements, idToAgreeTo } from '../../../src/core/records/agree-to-remote.ts'

const shown = (settings: string) => `enableremote store
  This is the configuration of the remote:
  \ttype=external encryption=none externaltype=ora ${settings}

  Is this a location that you expected to be using?
  If so, run:  git-annex verifyremote store --safe 12
  If not, run: git-annex verifyremote store --unsafe
ok
`

test('what git-annex shows of a remote that was enabled has the ID to agree with', () => {
  expect(idToAgreeTo(shown('url=ria+file:///store'), ['ria+file:///store'])).toBe('12')
})

test('nobody agrees to a place to write to that they did not name', () => {
  const elsewhere = shown('url=ria+file:///store push-url=ria+ssh://other.example/store')
  expect(idToAgreeTo(elsewhere, ['ria+file:///store'])).toBeUndefined()
  expect(idToAgreeTo(elsewhere, ['ria+file:///store', 'ria+ssh://other.example/store'])).toBe('12')
})

test.each(['', 'enableremote store ok\n', "There have been no changes to the remote's configuration.\n"])(
  'a git-annex that asks nothing is told nothing: %j',
  (said) => {
    expect(idToAgreeTo(said, [])).toBeUndefined()
  },
)

const agreements = (states: Readonly<Record<string, string>>, uuids: readonly string[] = []) =>
  new Agreements(
    new GitConfig(
      Object.entries(states).flatMap(([name, state]) => [
        [`remote.${name}.annex-uuid`, `uuid of ${name}`],
        [`remote.${name}.annex-verified`, state],
      ]),
    ),
    uuids,
  )

test.each([
  ['verified', 'agreed'],
  ['manual', 'not used'],
  ['automatic', 'only got from'],
  ['what a later git-annex may say', 'only got from'],
])(
  'a remote whose annex-verified is %s is %s, and agreed to where git-annex keeps its settings',
  (state, agreement) => {
    expect(agreements({ s: state }).of('s')).toBe(agreement)
    expect(agreements({ s: state }, ['uuid of s']).of('s')).toBe('agreed')
    expect(agreements({}).of('s')).toBe('agreed')
  },
)

test('one remote that enabled itself keeps everything from being sent to any, until it is agreed to', () => {
  expect(agreements({ mine: 'verified', 'the.other': 'automatic' }).keepFromSending()).toBe('the.other')
  expect(agreements({ mine: 'verified', other: 'manual' }).keepFromSending()).toBeUndefined()
  expect(agreements({ other: 'automatic' }, ['uuid of other']).keepFromSending()).toBeUndefined()
  expect(agreements({}).keepFromSending()).toBeUndefined()
})
