import { spawnSync } from 'node:child_process'
import { chmod, chown, mkdir, mkdtemp, readdir, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ourselves } from '../../src/core/process/owner.ts'
import {
  inWorkDirectory,
  makeWorkDirectory,
  removeDeadWorkDirectories,
  removeWorkDirectory,
} from '../../src/core/work-directory.ts'

let parent: string

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'riastore-test-'))
})
afterEach(() => rm(parent, { recursive: true, force: true }))

/** The pid of a process that has ended. */
function deadPid(): number {
  return spawnSync(process.execPath, ['-e', '']).pid
}

const WEEKS_AGO = new Date(Date.now() - 30 * 24 * 3_600_000)

async function make(name: string, files: Record<string, string> = {}): Promise<string> {
  const directory = join(parent, name)
  await mkdir(directory, { mode: 0o700 })
  for (const [file, content] of Object.entries(files)) await writeFile(join(directory, file), content)
  return directory
}

/** As a process leaves it that was killed. */
function abandoned(name: string, changes: object = {}): Promise<string> {
  const owner = { ...ourselves(), pid: deadPid(), directory: name, ...changes }
  return make(name, { 'owner.json': JSON.stringify(owner), 'archive.7z': 'bytes' })
}

const left = async () => (await readdir(parent)).sort()

describe('a work directory', () => {
  it('is there while it is worked in, for nobody else, and gone afterwards', async () => {
    let made = ''
    const below = join(parent, 'new')
    await inWorkDirectory(below, async (directory) => {
      made = directory
      await mkdir(join(directory, 'objects/ab'), { recursive: true })
      await writeFile(join(directory, 'objects/ab/c'), 'bytes')
      expect((await stat(directory)).mode & 0o777).toBe(0o700)
    })
    expect(made).toContain(below)
    expect(await readdir(below)).toEqual([])
    await expect(inWorkDirectory(below, () => Promise.reject(new Error('it went wrong')))).rejects.toThrow('went wrong')
    expect(await readdir(below)).toEqual([])
  })

  it('of a process that was killed is removed, with all that is in it', async () => {
    const directory = await abandoned('riastore-work-abc')
    await mkdir(join(directory, 'objects'))
    await removeDeadWorkDirectories(parent)
    expect(await left()).toEqual([])
  })

  it('of a process that was killed before it had written down whose it is is removed', async () => {
    const pid = deadPid()
    await make(`riastore-work-${pid}-17-abc`)
    await make(`riastore-work-${pid}-17-def`, { 'owner.json': '' })
    await make(`riastore-work-${process.pid}-17-ghi`) // that pid is ours now
    await removeDeadWorkDirectories(parent)
    expect(await left()).toEqual([])
  })

  it('of a living process is left alone, also while it is being made, and however old it is', async () => {
    const { pid, processStart } = ourselves()
    const ours = await makeWorkDirectory(parent)
    await writeFile(join(ours, 'archive.7z'), 'bytes')
    await utimes(ours, WEEKS_AGO, WEEKS_AGO)
    const empty = await make(`riastore-work-${pid}-${processStart}-abc`)
    const begun = await make(`riastore-work-${pid}-${processStart}-def`, { 'owner.json': '{' })
    await removeDeadWorkDirectories(parent)
    expect(await left()).toEqual([ours, empty, begun].map((path) => basename(path)).sort())
    expect((await readdir(ours)).sort()).toEqual(['archive.7z', 'owner.json'])
  })

  it('of a process on another machine is left alone for a week', async () => {
    await abandoned('riastore-work-young', { host: 'elsewhere' })
    await utimes(await abandoned('riastore-work-old', { host: 'elsewhere' }), WEEKS_AGO, WEEKS_AGO)
    await removeDeadWorkDirectories(parent)
    expect(await left()).toEqual(['riastore-work-young'])
  })

  it('that names no owner is left alone, unless it is old and empty', async () => {
    await make('riastore-work-young')
    await utimes(await make('riastore-work-old'), WEEKS_AGO, WEEKS_AGO)
    await utimes(await make('riastore-work-full', { file: 'content' }), WEEKS_AGO, WEEKS_AGO)
    await removeDeadWorkDirectories(parent)
    expect(await left()).toEqual(['riastore-work-full', 'riastore-work-young'])
  })
})

describe('what only looks like a work directory of a dead process is left alone', () => {
  const untouched = async (directory: string) => {
    await removeDeadWorkDirectories(parent)
    await removeWorkDirectory(directory)
    expect((await readdir(directory)).sort()).toEqual(['archive.7z', 'owner.json'])
  }

  it('a link to another directory', async () => {
    const owner = { ...ourselves(), pid: deadPid(), directory: 'riastore-work-link' }
    const mine = await make('mine', { 'owner.json': JSON.stringify(owner), 'archive.7z': 'mine' })
    await symlink(mine, join(parent, 'riastore-work-link'))
    await utimes(mine, WEEKS_AGO, WEEKS_AGO)
    await untouched(join(parent, 'riastore-work-link'))
    const begun = await make('begun', { 'owner.json': 'mine' })
    await symlink(begun, join(parent, `riastore-work-${deadPid()}-17-abc`))
    await removeDeadWorkDirectories(parent)
    expect(await readdir(begun)).toEqual(['owner.json'])
  })

  it('a directory that others may write into', async () => {
    const directory = await abandoned('riastore-work-open')
    await chmod(directory, 0o770)
    await untouched(directory)
  })

  it('a directory that was renamed to look like one', async () => {
    const directory = join(parent, 'riastore-work-renamed')
    await rename(await abandoned('riastore-work-before', { directory: 'riastore-work-other' }), directory)
    await utimes(directory, WEEKS_AGO, WEEKS_AGO)
    await removeDeadWorkDirectories(parent)
    expect((await readdir(directory)).sort()).toEqual(['archive.7z', 'owner.json'])
  })

  it('a file, or nothing at all', async () => {
    await writeFile(join(parent, 'riastore-work-file'), 'content')
    await removeDeadWorkDirectories(parent)
    expect(await left()).toEqual(['riastore-work-file'])
    await removeWorkDirectory(join(parent, 'riastore-work-none'))
    await removeDeadWorkDirectories(join(parent, 'none'))
  })
})

// Only root can make a file that belongs to another; everybody else is that other.
it.skipIf(process.getuid?.() !== 0)('the directory of another user is left alone', async () => {
  const directory = await abandoned('riastore-work-theirs')
  await chown(directory, 65534, 65534)
  await removeDeadWorkDirectories(parent)
  expect((await readdir(directory)).sort()).toEqual(['archive.7z', 'owner.json'])
})
