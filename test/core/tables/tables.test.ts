import { expect, test } from 'vitest'
import { DigestTable } from '../../../src/core/tables/digest-table.ts'
import { Numbers } from '../../../src/core/tables/numbers.ts'
import { ShortTexts } from '../../../src/core/tables/short-texts.ts'
import { Texts } from '../../../src/core/tables/texts.ts'
import { heapUsed } from '../../support/shared/heap-used.ts'

test('numbers that were not set are 0, wherever they are', () => {
  const numbers = new Numbers(Uint32Array)
  numbers.set(5000, 7)
  expect([numbers.get(0), numbers.get(5000), numbers.get(1e6)]).toEqual([0, 7, 0])
})

test('short texts come back as they were, and one that is set again is the new one', () => {
  const texts = new ShortTexts(7)
  texts.set(0, 'abc/def')
  texts.set(3000, 'Wk/2F')
  texts.set(0, 'Xj')
  expect([texts.get(0), texts.get(1), texts.get(3000), texts.get(1e6)]).toEqual(['Xj', '', 'Wk/2F', ''])
})

test('of texts that are the same each has a number of its own', () => {
  const texts = new Texts()
  const bytes = Buffer.from('the same')
  expect([texts.add(bytes), texts.add(bytes), texts.size]).toEqual([0, 1, 2])
  expect([texts.text(0), texts.text(1)]).toEqual(['the same', 'the same'])
  expect(() => texts.text(2)).toThrow('no name number 2')
})

test('each of many texts has its number by its digest, and others have none', () => {
  const table = new DigestTable()
  for (let n = 0; n < 20_000; n++) expect(table.add(`text ${n}`)).toBe(n)
  for (let n = 0; n < 20_000; n += 7) expect([table.find(`text ${n}`), table.add(`text ${n}`)]).toEqual([n, n])
  expect([table.size, table.has('text 20000')]).toEqual([20_000, false])
})

test('texts that no UTF-8 tells apart are not the same by their digests', () => {
  const table = new DigestTable()
  const numbers = ['\ud800', '\ud801', '\ufffd', '"\\ud800"'].map((text) => table.add(text))
  expect(numbers).toEqual([0, 1, 2, 3])
})

test('a digest costs some bytes outside of the heap, and no object in it', () => {
  const before = [heapUsed(), process.memoryUsage().arrayBuffers] as const
  const table = new DigestTable()
  for (let n = 0; n < 100_000; n++) table.add(`a name that is longer than its digest, number ${n}`)
  expect((heapUsed() - before[0]) / 100_000).toBeLessThan(20)
  expect((process.memoryUsage().arrayBuffers - before[1]) / 100_000).toBeLessThan(250)
  expect(table.size).toBe(100_000)
})
