import { expect, test } from 'vitest'
import { InodeCount } from '../../../src/admin/compaction/inodes.ts'

test('inodes are files and the directories above them, each counted once', () => {
  const inodes = new InodeCount()
  for (const path of ['a/b/k/k', 'a/b/k/k.map', 'a/b/l/l', 'a/c/m/m', 'top', 'd/n']) inodes.add(path)
  expect(inodes.count).toBe(6 + ['a', 'a/b', 'a/b/k', 'a/b/l', 'a/c', 'a/c/m', 'd'].length)
})

test('inodes with more files are as many as if all had been counted', () => {
  const inodes = new InodeCount()
  inodes.add('a/b/k/k')
  inodes.add('a/b/l/l.map', false)
  expect(inodes.with(['a/b/l/l', 'a/c/m/m', 'a/c/n/n'])).toBe(5 + ['a', 'b', 'k', 'l', 'c', 'm', 'n'].length)
  expect(inodes.with([])).toBe(inodes.count)
})
