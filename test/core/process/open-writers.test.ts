import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findOpenWriters, OpenWriters } from '../../../src/core/process/open-writers.ts'
import { ourselves } from '../../../src/core/process/owner.ts'

let directory: string
const hasOpenWriters = (directory: string) => findOpenWriters(directory) !== undefined
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'riastore-writers-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

test('a repository has open writers from the first that begins to the last that ends', () => {
  expect(hasOpenWriters(directory)).toBe(false)
  const writers = new OpenWriters(directory)
  const seen = [hasOpenWriters(directory)]
  for (const step of ['begin', 'begin', 'end', 'end'] as const) {
    writers[step]()
    seen.push(hasOpenWriters(directory))
  }
  expect(seen).toEqual([false, true, true, true, false])
})

test('two folders of one clone, on hosts that number processes alike, do not take each other for ended', () => {
  const [one, other] = [new OpenWriters(directory), new OpenWriters(directory)]
  one.begin()
  other.begin()
  other.end()
  expect(hasOpenWriters(directory)).toBe(true)
  one.end()
  expect(hasOpenWriters(directory)).toBe(false)
})

test('one whose machine was started anew may be on another of its name, so its note is named', () => {
  const writers = new OpenWriters(directory)
  writers.begin()
  const note = findOpenWriters(directory) ?? ''
  writeFileSync(note, JSON.stringify({ ...ourselves(), boot: 'before' }))
  expect(findOpenWriters(directory)).toBe(note)
  writers.end()
})

test('one that is dead has nothing open, and one of which nothing is known may have', () => {
  mkdirSync(join(directory, 'riastore-writers'))
  const file = join(directory, 'riastore-writers', '1.json')
  writeFileSync(file, JSON.stringify({ ...ourselves(), processStart: '1' }))
  expect(hasOpenWriters(directory)).toBe(false)
  writeFileSync(file, '')
  expect(hasOpenWriters(directory)).toBe(true)
})

test('a note that could not be written is written with the next file that is opened', () => {
  const writers = new OpenWriters(directory)
  const notes = join(directory, 'riastore-writers')
  rmSync(notes, { recursive: true })
  expect(() => writers.begin()).toThrow('ENOENT')
  mkdirSync(notes)
  writers.begin()
  expect(hasOpenWriters(directory)).toBe(true)
  writers.end()
  expect(hasOpenWriters(directory)).toBe(false)
})
