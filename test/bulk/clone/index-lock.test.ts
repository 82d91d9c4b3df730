import { existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { hasIndexLock, releaseIndexLock, takeIndexLock } from '../../../src/bulk/clone/index-lock.ts'
import { temporaryDirectory } from '../../support/stores/stores.ts'

let directory: { path: string; remove: () => Promise<void> }
let index: string
let lock: string
let file: string
beforeEach(async () => {
  directory = await temporaryDirectory()
  index = join(directory.path, 'an index')
  lock = `${index}.lock`
  file = join(directory.path, 'ours')
})
afterEach(() => directory.remove())

test('of two who want the lock of an index one has it, until it is given back', async () => {
  const other = join(directory.path, 'theirs')
  expect(await takeIndexLock(index, file)).toBe('taken')
  expect(await takeIndexLock(index, other, { old: 0, young: 0 })).toBe('held')
  expect(existsSync(other)).toBe(false)
  const waiting = takeIndexLock(index, other)
  releaseIndexLock(file)
  expect(await waiting).toBe('taken')
  expect([hasIndexLock(other), existsSync(file)]).toEqual([true, false])
  releaseIndexLock(other)
  expect(existsSync(lock)).toBe(false)
})

test('a lock that is old is not waited for as long as one that somebody has just made', async () => {
  writeFileSync(lock, '')
  utimesSync(lock, 0, 0)
  expect(await takeIndexLock(index, file, { old: 0, young: 600_000 })).toBe('held')
})

test('a lock that somebody else has by now is not ours, and is not removed', async () => {
  expect(await takeIndexLock(index, file)).toBe('taken')
  rmSync(lock)
  expect(hasIndexLock(file)).toBe(false)
  writeFileSync(lock, 'of somebody else')
  expect(hasIndexLock(file)).toBe(false)
  releaseIndexLock(file)
  expect(readFileSync(lock, 'utf8')).toBe('of somebody else')
})

test('where there can be no second name of a file no lock is taken', async () => {
  expect(await takeIndexLock(join(directory.path, 'no such directory/index'), file)).toBe('impossible')
  expect(existsSync(file)).toBe(false)
})
