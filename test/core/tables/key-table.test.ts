import { expect, test } from 'vitest'
import { KeyTable } from '../../../src/core/tables/key-table.ts'

test('a key that is added again keeps its number', () => {
  const table = new KeyTable()
  expect([table.add('MD5-s1--a'), table.add('MD5-s1--b'), table.add('MD5-s1--a')]).toEqual([0, 1, 0])
  expect(table.size).toBe(2)
})

test('each of many keys is found by its text, and comes back as it was', () => {
  const table = new KeyTable()
  const key = (n: number) => `SHA256E-s${n}--${String(n).padStart(64, 'abcdef')}.${n % 2 === 0 ? 'nii.gz' : 'ü'}`
  for (let n = 0; n < 50_000; n++) table.add(key(n))
  for (let n = 0; n < 50_000; n += 7) expect([table.find(key(n)), table.text(n)]).toEqual([n, key(n)])
  expect(table.find(key(50_000))).toBeUndefined()
})

test('a key whose name is no UTF-8 is the same bytes again', () => {
  const table = new KeyTable()
  const text = 'WORM-s3-m1--caf\udce9'
  expect(table.text(table.add(text))).toBe(text)
  expect(table.findBytes(Buffer.from('WORM-s3-m1--caf\xe9', 'latin1'))).toBe(0)
})

test('a million keys take less than 200 MB, outside of the heap', () => {
  const before = process.memoryUsage()
  const table = new KeyTable()
  for (let n = 0; n < 1_000_000; n++) table.add(`MD5E-s${n}--${n.toString(16).padStart(32, '0')}.nii.gz`)
  const after = process.memoryUsage()
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(200e6)
  expect(table.text(999_999)).toContain('999999')
})
