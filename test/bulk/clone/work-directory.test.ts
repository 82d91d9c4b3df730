import {
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { WorkDirectory } from '../../../src/bulk/clone/work-directory.ts'
import { ourselves } from '../../../src/core/process/owner.ts'
import { isLeftBehind } from '../../../src/core/work-directory.ts'
import { temporaryDirectory } from '../../support/stores/stores.ts'
import { DEAD, leaveDeadRun } from '../../support/worlds/dead-run.ts'

let annex: { path: string; remove: () => Promise<void> }
beforeEach(async () => {
  annex = await temporaryDirectory()
})
afterEach(() => annex.remove())

const leave = (pid: number, host?: string, mode?: number) =>
  leaveDeadRun(
    annex.path,
    { 'keys/MD5-s3--abc': 'ab', placed: 'MD5-s1--x\nMD5-s1--y\nMD5-s1--cut' },
    { pid, ...(host !== undefined && { host }), ...(mode !== undefined && { mode }) },
  )

test('what a dead process left is taken over: its content, and what it placed', () => {
  leave(DEAD)
  const work = WorkDirectory.open(annex.path)
  expect(work.placedBefore).toEqual(['MD5-s1--x', 'MD5-s1--y'])
  expect(work.takeLeftover('MD5-s3--abc')).toBe(true)
  expect(readFileSync(work.keyFile('MD5-s3--abc'), 'utf8')).toBe('ab')
  expect(work.takeLeftover('MD5-s3--abc')).toBe(false)
  work.close(true)
  expect(readdirSync(annex.path)).toEqual([])
})

/** A run ends with something left undone, and its process is gone. */
function die(work: WorkDirectory): void {
  work.close(false)
  const name = work.path.slice(work.path.lastIndexOf('/') + 1)
  const dead = name.replace(`-${process.pid}-`, `-${DEAD}-`)
  const moved = join(annex.path, 'riastore', dead)
  renameSync(work.path, moved)
  writeFileSync(join(moved, 'owner.json'), JSON.stringify({ ...ourselves(), pid: DEAD, directory: dead }))
}

test('what a dead process took over from another dead one is not lost', () => {
  leave(DEAD)
  const first = WorkDirectory.open(annex.path)
  first.notePlaced(['MD5-s1--z'])
  die(first)
  const second = WorkDirectory.open(annex.path)
  expect([...second.placedBefore].sort()).toEqual(['MD5-s1--x', 'MD5-s1--y', 'MD5-s1--z'])
  expect(second.takeLeftover('MD5-s3--abc')).toBe(true)
})

test('what run after run leaves undone is taken over each time, and takes no more room for that', () => {
  leave(DEAD)
  writeFileSync(join(leave(DEAD + 1), 'restage'), 'a file')
  let work = WorkDirectory.open(annex.path)
  const entries = () =>
    readdirSync(work.path)
      .filter((name) => !name.startsWith('restage-'))
      .sort()
  for (let runs = 0; runs < 20; runs++) {
    die(work)
    work = WorkDirectory.open(annex.path)
  }
  expect(entries()).toEqual(['keys', 'owner.json', 'placed'])
  expect(work.restageBefore.map((file) => readFileSync(file, 'utf8'))).toEqual(['a file'])
  expect(new Set(work.placedBefore)).toEqual(new Set(['MD5-s1--x', 'MD5-s1--y']))
  expect(work.placedBefore.length).toBe(4)
  work.close(true)
  expect(readdirSync(annex.path)).toEqual([])
})

test('of what two dead processes left of a key the longer part is taken over', () => {
  leaveDeadRun(annex.path, { 'keys/MD5-s3--abc': 'a' }, { pid: DEAD })
  leaveDeadRun(annex.path, { 'keys/MD5-s3--abc': 'ab' }, { pid: DEAD + 1 })
  leaveDeadRun(annex.path, { 'keys/MD5-s3--abc': '' }, { pid: DEAD + 2 })
  const work = WorkDirectory.open(annex.path)
  expect(statSync(work.keyFile('MD5-s3--abc')).mode & 0o777).toBe(0o644) // all had been about to be placed
  expect(work.takeLeftover('MD5-s3--abc')).toBe(true)
  expect(readFileSync(work.keyFile('MD5-s3--abc'), 'utf8')).toBe('ab')
  work.close(true)
})

test('what a dead process placed is taken over, however many keys that are', () => {
  leaveDeadRun(annex.path, { placed: 'MD5-s1--x\n'.repeat(200_000) })
  const work = WorkDirectory.open(annex.path)
  expect(work.placedBefore.length).toBe(200_000)
  work.close(true)
})

test("a lock of git's index that a dead process left is removed, and one that somebody else made is not", () => {
  const lock = join(annex.path, 'index.lock')
  const heldBy = (pid: number) => {
    const file = join(leave(pid), 'index-lock')
    writeFileSync(file, lock)
    return file
  }
  linkSync(heldBy(DEAD), lock)
  WorkDirectory.open(annex.path).close(true)
  expect(existsSync(lock)).toBe(false)
  heldBy(DEAD)
  writeFileSync(lock, lock)
  WorkDirectory.open(annex.path).close(true)
  expect(readFileSync(lock, 'utf8')).toBe(lock)
})

test('what was left before the machine was started anew is taken over, whatever has its number by now', () => {
  const boot = 'of yesterday'
  const path = leaveDeadRun(annex.path, { placed: 'MD5-s1--x\n' }, { pid: process.pid, boot })
  const [parent, name] = [dirname(path), basename(path)]
  expect(isLeftBehind(parent, name, { onDisk: true })).toBe(false) // somebody was at work there just now
  utimesSync(path, 0, 0)
  expect(isLeftBehind(parent, name, { onDisk: false })).toBe(false)
  const others = leaveDeadRun(annex.path, {}, { host: 'elsewhere', boot })
  utimesSync(others, 0, 0)
  const work = WorkDirectory.open(annex.path)
  expect(work.placedBefore).toEqual(['MD5-s1--x'])
  work.close(true)
  expect(readdirSync(parent)).toEqual([basename(others)])
})

test('of a list that lost its content with the power only keys count', () => {
  leaveDeadRun(annex.path, { placed: '\n\0\0\0\n\nMD5-s1--x\n' })
  expect(WorkDirectory.open(annex.path).placedBefore).toEqual(['MD5-s1--x'])
})

test('what belongs to a living process, or to another machine, is left alone', () => {
  const paths = [leave(process.pid), leave(DEAD, 'elsewhere')]
  const work = WorkDirectory.open(annex.path)
  expect(work.placedBefore).toEqual([])
  work.close(true)
  for (const path of paths) expect(existsSync(path)).toBe(true)
})

test('what others could have put there is not taken over, whatever it is named', () => {
  const open = leave(DEAD, hostname(), 0o770)
  const elsewhere = join(annex.path, 'elsewhere')
  renameSync(leave(DEAD + 2), elsewhere)
  const link = join(annex.path, 'riastore', `${hostname()}-${DEAD + 2}-0123456789ab`)
  symlinkSync(elsewhere, link)
  const work = WorkDirectory.open(annex.path)
  expect(work.placedBefore).toEqual([])
  expect(work.takeLeftover('MD5-s3--abc')).toBe(false)
  work.close(true)
  for (const path of [open, link]) expect(existsSync(join(path, 'keys/MD5-s3--abc'))).toBe(true)
})
