import { symlink, writeFile } from 'node:fs/promises'
import { afterEach, expect, test, vi } from 'vitest'
import { riastore } from '../../../support/programs/console-double.ts'
import { systemProgram } from '../../../support/programs/programs.ts'
import { runOk } from '../../../support/programs/run.ts'
import { temporaryDirectory } from '../../../support/stores/stores.ts'

afterEach(() => {
  vi.unstubAllEnvs()
})

test('riastore url says that git-annex is not there to tell a file’s key, and does not call it no annexed file', async () => {
  const directory = await temporaryDirectory()
  const [bin, repo] = [directory.path, `${directory.path}/repo`]
  await symlink(await systemProgram('git'), `${bin}/git`)
  await runOk('git', ['init', '-q', repo])
  await writeFile(`${repo}/file`, '/annex/objects/MD5-s1--abc\n')
  vi.stubEnv('PATH', bin)
  const { code, stderr } = await riastore(['url', 'ria+s3+http://127.0.0.1:1/bucket', 'id', `${repo}/file`])
  expect([code, stderr]).toEqual([
    2,
    `riastore: git-annex is not on PATH, to say which key "${repo}/file" is: give the key itself\n`,
  ])
  vi.unstubAllEnvs()
  await directory.remove()
})
