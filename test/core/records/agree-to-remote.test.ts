import { expect, test } from 'vitest'
import { idToAgreeTo } from '../../../src/core/records/agree-to-remote.ts'

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
