import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Clone, openClone } from '../../../../src/bulk/clone/clone.ts'
import { mergeFetched } from '../../../../src/bulk/records/merge-fetched.ts'
import { runOk } from '../../../support/programs/run.ts'
import { type AnnexRepo, makeAnnexRepo } from '../../../support/repos/annex-repo.ts'
import { makeWorkspace, type Workspace } from '../../../support/worlds/workspace.ts'

const OTHER = '0f6aa3d5-6d5f-4e0e-8f0a-1a2b3c4d5e6f'
const KEY = 'MD5-s1--a1'

let workspace: Workspace
let repo: AnnexRepo
let clone: Clone
beforeAll(async () => {
  workspace = await makeWorkspace()
  repo = await makeAnnexRepo(workspace, 'clone')
  clone = await openClone(repo.path)
  await mergeFetched(clone)
})
afterAll(() => workspace?.remove())

const git = async (...args: string[]) =>
  (await runOk('git', args, { cwd: repo.path, env: workspace.env })).stdout.trim()

/** What the branch says of the key. */
const log = () => git('grep', '-h', OTHER, 'git-annex', '--', `*${KEY}.log`)

/** Of a clone that git-annex cannot be started in. */
const withoutAnnex = () => mergeFetched({ ...clone, directory: `${clone.directory}/none` })

test('git-annex is not started where it has nothing to merge and nothing to commit', async () => {
  await git('update-ref', 'refs/remotes/other/git-annex', 'git-annex')
  await git('update-ref', 'refs/remotes/other/main', 'git-annex')
  await withoutAnnex()
})

test('what git-annex noted and did not commit is committed', async () => {
  await repo.annex('setpresentkey', KEY, OTHER, '1')
  await expect(log()).rejects.toThrow()
  await expect(withoutAnnex()).rejects.toThrow()
  await mergeFetched(clone)
  expect(await log()).toMatch(`1 ${OTHER}`)
  await withoutAnnex()
})

test.each(['refs/remotes/other/git-annex', 'refs/synced/x/y/git-annex', 'refs/git-annex'])(
  'what was fetched to %s is merged',
  async (ref) => {
    const before = await git('rev-parse', 'git-annex')
    const tree = await git('rev-parse', 'git-annex^{tree}')
    const theirs = await git('commit-tree', '-p', 'git-annex', '-m', ref, tree)
    await git('update-ref', ref, theirs)
    await expect(withoutAnnex()).rejects.toThrow()
    await mergeFetched(clone)
    expect(await git('rev-parse', 'git-annex')).not.toBe(before)
    await git('merge-base', '--is-ancestor', theirs, 'git-annex')
    await withoutAnnex()
  },
)
