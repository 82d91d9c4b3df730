import { expect, test } from 'vitest'
import { targetName } from '../../../src/store/ssh/config.ts'

test.each([
  [{ host: 'h' }, 'h'],
  [{ host: 'h', user: 'me', port: 22 }, 'me@h:22'],
  [{ host: '::1' }, '[::1]'],
  [{ host: 'fe80::1', user: 'me', port: 22 }, 'me@[fe80::1]:22'],
])('the target %j is told as in a URL, an address of IPv6 in brackets', (target, name) => {
  expect(targetName(target)).toBe(name)
})
