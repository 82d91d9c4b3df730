import { expect, test } from 'vitest'
import { MemberTable } from '../../src/archive/member-table.ts'

function table(): MemberTable {
  const members = new MemberTable()
  members.add('a/b/k/k', 'k', { size: 5, crc: 1 })
  members.add('a/c/l/l', 'l', { size: 6, crc: undefined })
  members.add('l/l', 'l', { size: 6, crc: 3 })
  return members
}

test('a member is carried over when its size and its CRC are what they were, and once', () => {
  const carried = table().carry()
  expect(carried.take('a/b/k/k', { size: 5, crc: 2 })).toBe('other')
  expect(carried.take('a/b/k/k', { size: 4, crc: 1 })).toBe('other')
  expect(carried.take('a/b/k/k', { size: 5, crc: 1 })).toBe('same')
  expect(carried.take('a/b/k/k', { size: 5, crc: 1 })).toBe('unknown')
  expect(carried.take('a/c/l/l', { size: 6, crc: 9 })).toBe('same') // nobody knows its CRC
  expect(carried.take('k/k', { size: 5, crc: 1 })).toBe('unknown')
  expect(carried.count).toBe(2)
})

test('the file names of members are known, and which of them were carried over', () => {
  const members = table()
  expect(['k', 'l', 'm'].map((name) => members.hasFileName(name))).toEqual([true, true, false])
  const carried = members.carry()
  expect(carried.hasFileName('l')).toBe(false)
  carried.take('l/l', { size: 6, crc: 3 })
  expect(['k', 'l', 'm'].map((name) => carried.hasFileName(name))).toEqual([false, true, false])
})

test('of members with the same name the last one counts', () => {
  const members = table()
  members.add('a/b/k/k', 'k', { size: 7, crc: 7 })
  expect(members.size).toBe(3)
  expect(members.carry().take('a/b/k/k', { size: 7, crc: 7 })).toBe('same')
})
