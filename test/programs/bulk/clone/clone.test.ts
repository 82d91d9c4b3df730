import { mkdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openClone } from '../../../../src/bulk/clone/clone.ts'
import { runOk } from '../../../support/programs/run.ts'
import { type AnnexRepo, makeAnnexRepo } from '../../../support/repos/annex-repo.ts'
import { makeWorkspace, type Workspace } from '../../../support/worlds/workspace.ts'

let workspace: Workspace
let repo: AnnexRepo
beforeAll(async () => {
  workspace = await makeWorkspace()
  repo = await makeAnnexRepo(workspace, 'two\nlines')
})
afterAll(() => workspace?.remove())

const git = (cwd: string, ...args: string[]) => runOk('git', args, { cwd, env: workspace.env })

test('a clone is found from a directory in it, also when its name has two lines', async () => {
  const below = join(repo.path, 'a', 'b')
  await mkdir(below, { recursive: true })
  const clone = await openClone(below)
  const top = await realpath(repo.path)
  expect(clone).toMatchObject({ directory: top, isBare: false, gitDirectory: join(top, '.git') })
})

test('a bare clone is its own directory', async () => {
  const path = join(await realpath(workspace.directory), 'bare')
  await git(workspace.directory, 'init', '-q', '--bare', path)
  await git(path, 'annex', 'init', '-q', 'bare')
  expect(await openClone(path)).toMatchObject({ directory: path, isBare: true, gitDirectory: path })
})

test('git-annex is asked for its version where a clone is shared by mode bits, and there alone', async () => {
  expect((await openClone(repo.path)).annexVersion).toBeUndefined()
  await git(repo.path, 'config', 'core.sharedRepository', '0660')
  try {
    expect((await openClone(repo.path)).annexVersion).toMatch(/^\d+\.\d{8}/)
  } finally {
    await git(repo.path, 'config', '--unset', 'core.sharedRepository')
  }
})

test('no repository, the directory of one, and one without an annex are told apart', async () => {
  const plain = join(workspace.directory, 'plain')
  await expect(openClone(workspace.directory)).rejects.toThrow(/not a git repository/)
  await git(workspace.directory, 'init', '-q', plain)
  await expect(openClone(plain)).rejects.toThrow(/is no git-annex repository: run git annex init there/)
  await expect(openClone(join(repo.path, '.git'))).rejects.toThrow(/must be run in a work tree/)
})
