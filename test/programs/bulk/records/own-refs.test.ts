import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Clone } from '../../../../src/bulk/clone/clone.ts'
import { newRef, removeMergedRefs } from '../../../../src/bulk/records/own-refs.ts'
import { runOk } from '../../../support/programs/run.ts'

test('a ref of ours that git-annex has merged goes, whoever left it, and one that it has not stays; of none nothing is left', async () => {
  const gitDirectory = await mkdtemp(join(tmpdir(), 'riastore-test-'))
  try {
    const git = async (...args: string[]) => (await runOk('git', args, { cwd: gitDirectory })).stdout.trim()
    await git('init', '-q', '--bare')
    const tree = await git('mktree', '--missing')
    const who = ['-c', 'user.name=test', '-c', 'user.email=test@localhost']
    const commit = (...parents: string[]) =>
      git(...who, 'commit-tree', '-m', 'x', tree, ...parents.flatMap((parent) => ['-p', parent]))
    const first = await commit()
    const second = await commit(first)
    const other = await commit(second)
    await git('update-ref', 'refs/heads/git-annex', second)
    const [merged, older, unmerged] = [newRef(), newRef(), newRef()]
    for (const [ref, at] of [[merged, second] as const, [older, first] as const, [unmerged, other] as const]) {
      expect(ref).toMatch(/^refs\/riastore\/.*\/git-annex$/)
      await git('update-ref', ref, at)
    }
    const clone = { gitDirectory } as Clone
    expect(await removeMergedRefs(clone)).toEqual(new Set([merged, older]))
    expect(await git('for-each-ref', '--format=%(refname)')).toBe(`refs/heads/git-annex\n${unmerged}`)
    expect(await removeMergedRefs(clone)).toEqual(new Set())
    await git('update-ref', '-d', unmerged)
    expect(await removeMergedRefs(clone)).toEqual(new Set())
    expect(await readdir(join(gitDirectory, 'refs'))).not.toContain('riastore')
  } finally {
    await rm(gitDirectory, { recursive: true })
  }
})
