import { expect, test } from 'vitest'
import { riastore } from '../../support/programs/console-double.ts'

test.each([
  [['alias', 'set', '/nowhere', '--', 'abc-def', '-x'], 4, /find \/nowhere: there is no RIA store/],
  [['alias', 'set', '--', '/nowhere', 'abc-def', '-x'], 4, /find \/nowhere: there is no RIA store/],
  [['alias', 'set', '/nowhere', 'abc-def', '--', '--json'], 4, /find \/nowhere: there is no RIA store/],
  [['--', 'alias', 'ls', '/nowhere', 'x'], 2, /"x" is too much/],
  [['alias', '--', 'set', '/nowhere'], 2, /riastore alias set wants a store, a dataset and a name/],
])('what stands after -- is a word like others: %j', async (args, code, said) => {
  const ran = await riastore(args)
  expect(ran.code).toBe(code)
  expect(ran.stderr).toMatch(said)
})
