import { expect, test } from 'vitest'
import { Names } from '../../../src/mount/stage/names.ts'

const ROOT = 1

/** What all of them are. */
const IS = '1:1'

test('a name has one number until the kernel has forgotten all of its uses, and then none', () => {
  const names = new Names()
  const directory = names.use(ROOT, 'directory', IS)
  const file = names.use(directory, 'file', IS)
  expect(names.use(directory, 'file', IS)).toBe(file)
  expect(names.path(file)).toBe('directory/file')
  names.forget(file, 1)
  expect(names.find(directory, 'file')).toBe(file)
  names.forget(file, 1)
  expect([names.find(directory, 'file'), names.size]).toEqual([undefined, 2])
  expect(() => names.path(file)).toThrow('ENOENT')
})

test('what is below a directory that was renamed is found below its new name', () => {
  const names = new Names()
  const directory = names.use(ROOT, 'one', IS)
  const file = names.use(directory, 'file', IS)
  names.moved(ROOT, 'one', ROOT, 'two')
  expect(names.path(file)).toBe('two/file')
  expect(names.find(ROOT, 'one')).toBeUndefined()
})

test('what another was renamed over, or that was removed, keeps its number and has no path', () => {
  const names = new Names()
  const [one, two, three] = ['one', 'two', 'three'].map((name) => names.use(ROOT, name, IS)) as [number, number, number]
  names.moved(ROOT, 'one', ROOT, 'two')
  names.removed(ROOT, 'three')
  expect(names.path(one)).toBe('two')
  for (const gone of [two, three]) expect(() => names.path(gone)).toThrow('ENOENT')
  names.forget(two, 1)
  expect(names.find(ROOT, 'two')).toBe(one)
})

test('something else under the same name has another number, unless the first has become it', () => {
  const names = new Names()
  const file = names.use(ROOT, 'file', 'a key')
  names.becomes(file, 'a file')
  expect([names.use(ROOT, 'file', 'a file'), names.is(file, 'a file')]).toEqual([file, true])
  const other = names.use(ROOT, 'file', 'another file')
  expect(other).not.toBe(file)
  expect([names.path(other), names.is(other, 'a file')]).toEqual(['file', false])
  expect(() => names.path(file)).toThrow('ENOENT')
})
