import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openClone } from '../../../../src/bulk/clone/clone.ts'
import { takeIn } from '../../../../src/bulk/local/take-in.ts'
import { makeAnnexRepo } from '../../../support/repos/annex-repo.ts'
import { makeWorkspace, type Workspace } from '../../../support/worlds/workspace.ts'

/** Of `content`, of `another`, and of nothing that is here. */
const [GOOD, DAMAGED, GONE] = [
  'MD5-s7--9a0364b9e99bb480dd25e1f0284c8555',
  'MD5-s7--b32d73e56ec99bc5ec8f83871cde708a',
  'MD5-s7--00000000000000000000000000000000',
] as const

let workspace: Workspace
beforeAll(async () => {
  workspace = await makeWorkspace()
})
afterAll(() => workspace?.remove())

test('a file that is not what it should be, or is gone, is left out', async () => {
  const repo = await makeAnnexRepo(workspace, 'clone')
  const file = workspace.path('file')
  await writeFile(file, 'content')
  const held = [GOOD, DAMAGED].map((key) => ({ key, file }))
  const clone = await openClone(repo.path)
  expect(await takeIn(clone, [...held, { key: GONE, file: workspace.path('nothing') }], {})).toBe(1)
  expect(await takeIn(clone, held, {})).toBe(0)
  await repo.annex('fsck', `--key=${GOOD}`)
  expect((await repo.tryAnnex('contentlocation', DAMAGED)).status).toBe(1)
  expect((await repo.tryAnnex('contentlocation', GOOD)).status).toBe(0)
})
