import { expect, test } from 'vitest'
import { takeNamesForUtf8 } from '../../../src/core/process/utf8-names.ts'

test.each([
  [{}, { LC_CTYPE: 'C.UTF-8' }],
  [{ LANG: 'C' }, { LANG: 'C.UTF-8' }],
  [
    { LC_ALL: 'POSIX', LANG: 'de_DE.UTF-8' },
    { LC_ALL: 'C.UTF-8', LANG: 'de_DE.UTF-8' },
  ],
  [
    { LC_ALL: '', LANG: 'de_DE.UTF-8' },
    { LC_ALL: '', LANG: 'de_DE.UTF-8' },
  ],
  [{ LC_ALL: 'C.UTF-8' }, { LC_ALL: 'C.UTF-8' }],
  [
    { LC_CTYPE: 'de_DE.ISO-8859-1', LANG: 'C' },
    { LC_CTYPE: 'de_DE.ISO-8859-1', LANG: 'C' },
  ],
])('programs take names for UTF-8 where the locale is that of C: %j', (given, expected) => {
  const env: NodeJS.ProcessEnv = { ...given }
  const undo = takeNamesForUtf8(env)
  expect(env).toEqual(expected)
  undo()
  expect(env).toEqual(given)
})
