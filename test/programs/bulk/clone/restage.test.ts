import { cp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Clone, openClone } from '../../../../src/bulk/clone/clone.ts'
import { Placer } from '../../../../src/bulk/clone/placer.ts'
import { restage } from '../../../../src/bulk/clone/restage.ts'
import { WorkDirectory } from '../../../../src/bulk/clone/work-directory.ts'
import { parseKey } from '../../../../src/core/key.ts'
import { type AnnexRepo, makeAnnexRepo } from '../../../support/repos/annex-repo.ts'
import { leaveDeadRun } from '../../../support/worlds/dead-run.ts'
import { makeWorkspace, type Workspace } from '../../../support/worlds/workspace.ts'

const files = { filled: 'what it should have', edited: 'what it had before', 'odd name': 'like the first' }
const names = Object.keys(files)

let workspace: Workspace
let repo: AnnexRepo
let clone: Clone
let keys: string[]
beforeAll(async () => {
  workspace = await makeWorkspace()
  repo = await makeAnnexRepo(workspace, 'clone')
  await repo.add(files)
  await repo.annex('unlock', '--quiet', '.')
  await repo.git('commit', '-q', '-a', '-m', 'Unlock files')
  clone = await openClone(repo.path)
  keys = await Promise.all(names.map((name) => repo.key(name)))
  await repo.annex('drop', '--quiet', '--force', '.')
})
afterAll(() => workspace?.remove())

/** As somebody leaves files who is killed before git-annex notes that it filled them. */
async function fill(): Promise<void> {
  const placer = new Placer(clone)
  for (const [i, [name, content]] of Object.entries(files).entries()) {
    const coming = workspace.path('coming')
    await writeFile(coming, content)
    await placer.placeFile(parseKey(keys[i] ?? ''), coming)
    await rm(join(repo.path, name))
    await writeFile(join(repo.path, name), content)
  }
  await writeFile(join(repo.path, 'edited'), 'what somebody wrote')
}

const status = async () => (await repo.git('status', '--short', '-z')).stdout
const run = async (onNote?: (text: string) => void) => {
  const work = WorkDirectory.open(clone.annexDirectory)
  await restage(clone, work, onNote)
  work.close(true)
}

test('files that a killed run filled are unchanged for git, whoever noted them or not, and what somebody edited is left alone', async () => {
  await fill()
  await run()
  // No run was killed: these are somebody's changes.
  expect((await status()).split('\0').sort()).toEqual(['', ...names.map((name) => ` M ${name}`)].sort())
  const lock = join(repo.path, '.git/index.lock')
  await writeFile(lock, '')
  await utimes(lock, 0, 0) // so that nobody waits for it long
  leaveDeadRun(clone.annexDirectory, { placed: keys.map((key) => `${key}\n`).join('') })
  const notes: string[] = []
  await run((text) => notes.push(text))
  expect(notes).toEqual([expect.stringMatching(/remove .*index\.lock/)])
  await rm(lock)
  // The next one knows of them still.
  await rename()
  await run((text) => notes.push(text))
  expect(notes.length).toBe(1)
  expect(await status()).toBe(' M edited\0')
  expect(await readdir(clone.annexDirectory)).not.toContain('riastore')
})

/** The run before this one is dead by now. */
async function rename(): Promise<void> {
  const parent = join(clone.annexDirectory, 'riastore')
  const [name = ''] = await readdir(parent)
  const dead = leaveDeadRun(clone.annexDirectory, {})
  await cp(join(parent, name), join(dead, `taken-${name}`), { recursive: true })
  await rm(join(parent, name), { recursive: true })
}
