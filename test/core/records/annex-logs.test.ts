import { expect, test } from 'vitest'
import { parseRemoteLog } from '../../../src/core/records/annex-logs.ts'

test('of each remote the newest line counts, with its values as they were given', () => {
  const log = [
    'u1 encryption=none name=old timestamp=1.5s',
    'u1 encryption=none name=store url=ria+file:///with&32;space&38;more timestamp=2.25s',
    'u2 name=other timestamp=1s',
    '',
  ].join('\n')
  const found = parseRemoteLog(log)
  expect(found.get('u1')?.get('name')).toBe('store')
  expect(found.get('u1')?.get('url')).toBe('ria+file:///with space&more')
  expect([...found.keys()]).toEqual(['u1', 'u2'])
})
