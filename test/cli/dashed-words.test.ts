import { expect, test } from 'vitest'
import { riastore } from '../support/programs/console-double.ts'

test.each([
  [['alias', 'set', '/nowhere', '--', 'abc-def', '-x'], /find \/nowhere: there is no RIA store/],
  [['alias', 'set', '--', '/nowhere', 'abc-def', '-x'], /find \/nowhere: there is no RIA store/],
  [['alias', 'set', '/nowhere', 'abc-def', '--', '--json'], /find \/nowhere: there is no RIA store/],
  [['--', 'alias', 'list', '/nowhere', 'x'], /riastore alias list wants a store/],
  [['alias', '--', 'set', '/nowhere'], /riastore alias set wants a store, a dataset and a name/],
])('what stands after -- is a word like others: %j', async (args, said) => {
  const ran = await riastore(args)
  expect(ran.code).toBe(1)
  expect(ran.stderr).toMatch(said)
})
