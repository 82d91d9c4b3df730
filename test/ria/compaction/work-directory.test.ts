import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ourselves } from '../../../src/ria/compaction/lock-owner.ts'
import { makeWorkDirectory, removeDeadWorkDirectories } from '../../../src/ria/compaction/work-directory.ts'

let parent: string

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'riastore-'))
})
afterEach(() => rm(parent, { recursive: true, force: true }))

/** The pid of a process that has ended. */
function deadPid(): number {
  return spawnSync('true').pid
}

async function make(name: string, files: Record<string, string> = {}): Promise<string> {
  const directory = join(parent, name)
  await mkdir(directory)
  for (const [file, content] of Object.entries(files)) await writeFile(join(directory, file), content)
  return directory
}

it('removes the directory of a process that was killed, with all that is in it', async () => {
  const owner = { ...ourselves(), pid: deadPid() }
  await make('riastore-archive-abc', { 'owner.json': JSON.stringify(owner), 'archive.7z': 'bytes' })
  await removeDeadWorkDirectories(parent)
  expect(await readdir(parent)).toEqual([])
})

it('removes what a process left that was killed before it had written down whose it is', async () => {
  const pid = deadPid()
  await make(`riastore-archive-${pid}-17-abc`)
  await make(`riastore-archive-${pid}-17-def`, { 'owner.json': '' })
  await make(`riastore-archive-${process.pid}-17-ghi`) // that pid is ours now
  await removeDeadWorkDirectories(parent)
  expect(await readdir(parent)).toEqual([])
})

it('leaves those of living processes alone, also while they are being made', async () => {
  const { pid, processStart } = ourselves()
  const ours = await makeWorkDirectory(parent)
  await writeFile(join(ours, 'archive.7z'), 'bytes')
  const empty = await make(`riastore-archive-${pid}-${processStart}-abc`)
  const begun = await make(`riastore-archive-${pid}-${processStart}-def`, { 'owner.json': '{' })
  await removeDeadWorkDirectories(parent)
  expect((await readdir(parent)).sort()).toEqual(
    [ours, empty, begun].map((path) => path.slice(parent.length + 1)).sort(),
  )
  expect((await readdir(ours)).sort()).toEqual(['archive.7z', 'owner.json'])
})

it('leaves alone what it cannot tell the owner of, unless it is old and empty', async () => {
  const old = new Date(Date.now() - 120_000)
  await make('riastore-archive-young')
  await utimes(await make('riastore-archive-old'), old, old)
  await utimes(await make('riastore-archive-full', { file: 'content' }), old, old)
  await removeDeadWorkDirectories(parent)
  expect((await readdir(parent)).sort()).toEqual(['riastore-archive-full', 'riastore-archive-young'])
})
