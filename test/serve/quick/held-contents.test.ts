import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { identityAt } from '../../../src/serve/quick/disk-file.ts'
import { type Held, HeldContents } from '../../../src/serve/quick/held-contents.ts'
import { LooseKeys } from '../../../src/serve/quick/loose-keys.ts'

const KIB = 1024

let directory: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'riastore-held-'))
})
afterEach(() => {
  vi.restoreAllMocks()
  rmSync(directory, { recursive: true, force: true })
})

function file(name: string, bytes: number): string {
  const path = join(directory, name)
  writeFileSync(path, Buffer.alloc(bytes))
  return path
}

function filesAreOld(): void {
  const now = Date.now.bind(Date)
  vi.spyOn(Date, 'now').mockImplementation(() => now() + 10_000)
}

function add(contents: HeldContents, name: string, bytes: number): Held | undefined {
  const path = file(name, bytes)
  const identity = identityAt(path)
  return identity && contents.makeRoom(bytes) ? contents.add(path, identity, Buffer.alloc(bytes)) : undefined
}

test('what was asked for last is kept, and never more than there is room for', () => {
  filesAreOld()
  const contents = new HeldContents(10 * KIB)
  const isKept = (name: string) => {
    const held = contents.take(join(directory, name))
    if (held !== undefined) contents.letGo(held)
    return held !== undefined
  }
  for (const name of ['a', 'b']) {
    const held = add(contents, name, 4 * KIB)
    if (held !== undefined) contents.letGo(held)
  }
  expect(isKept('a')).toBe(true)
  const c = add(contents, 'c', 4 * KIB)
  expect([isKept('b'), isKept('a'), isKept('c')]).toEqual([false, true, true])
  const a = contents.take(join(directory, 'a'))
  expect(add(contents, 'd', 4 * KIB)).toBeUndefined() // both are being sent
  if (a !== undefined) contents.letGo(a)
  if (c !== undefined) contents.letGo(c)
  expect(add(contents, 'd', 4 * KIB)).toBeDefined()
})

test('a file whose times do not tell of changes yet is kept for nobody else, and takes room only as long', () => {
  const contents = new HeldContents(5 * KIB)
  for (let i = 0; i < 3; i++) {
    const held = add(contents, 'a', 4 * KIB)
    expect(held).toBeDefined()
    expect(contents.take(join(directory, 'a'))).toBeUndefined()
    if (held !== undefined) contents.letGo(held)
  }
})

test('a large file that was held against its checksum is believed for an hour, as long as it is the same', () => {
  const size = 2 * KIB * KIB
  const path = file('large', size)
  const keys = new LooseKeys()
  const place = keys.at('2', 'ZZ/WW/MD5-s1--x/MD5-s1--x')
  expect(place).toBeUndefined()
  const look = () => {
    const matches = () => true
    const checksum = { expected: '', matches, start: async () => ({ update: () => {}, hex: () => '' }) }
    const found = keys.find({ key: '', size, checksum, head: '' }, path)
    if (found === undefined || 'held' in found) throw new Error('it is no file')
    keys.close(found)
    return found
  }
  const remember = () => keys.remember(path, look().file.identity)
  remember()
  expect(look().isChecked).toBe(false) // it was just written
  filesAreOld()
  remember()
  expect(look().isChecked).toBe(true)
  const now = performance.now.bind(performance)
  const later = vi.spyOn(performance, 'now').mockImplementation(() => now() + 3_600_001)
  expect(look().isChecked).toBe(false)
  later.mockRestore()
  utimesSync(path, 1, 1)
  expect(look().isChecked).toBe(false)
})

test('a small file that went out of memory is read anew, and held against its checksum once', () => {
  filesAreOld()
  const size = 2 * KIB
  const keys = new LooseKeys(new HeldContents(4 * KIB))
  const [a, b] = [file('a', size), file('b', size)]
  let checks = 0
  const matches = () => {
    checks += 1
    return true
  }
  const checksum = { expected: '', matches, start: async () => ({ update: () => {}, hex: () => '' }) }
  for (const path of [a, b, a, b]) {
    const found = keys.find({ key: '', size, checksum, head: '' }, path)
    expect(found).toHaveProperty('held')
    if (found !== undefined) keys.close(found)
  }
  expect(checks).toBe(2)
  utimesSync(a, 1, 1)
  const found = keys.find({ key: '', size, checksum, head: '' }, a)
  if (found !== undefined) keys.close(found)
  expect(checks).toBe(3)
})
