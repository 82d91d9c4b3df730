import { expect, test } from 'vitest'
import { judgeRemoteProgram } from '../../../src/setup/clone/examine-programs.ts'

const OURS = { file: '/opt/riastore/bin/git-annex-remote-ora', maker: 'riastore', version: '1.2.3' } as const
const DATALADS = { file: '/usr/bin/git-annex-remote-ora', maker: 'datalad', version: '0.18.1' } as const
const MEND = 'export PATH=/opt/riastore/bin:"$PATH"'

test('our remote program may come first on PATH', () => {
  expect(judgeRemoteProgram([OURS], ['s3+https'], undefined)).toEqual([
    'ok',
    "/opt/riastore/bin/git-annex-remote-ora, riastore's 1.2.3",
  ])
})

test.each([
  ['file', 'warning'],
  ['ssh', 'warning'],
  ['s3+https', 'failed'],
  ['davs', 'failed'],
] as const)("DataLad's before ours is, for ria+%s, a %s", (scheme, result) => {
  const [found, why, mend] = judgeRemoteProgram([DATALADS, OURS], ['file', scheme], undefined)
  expect([found, mend]).toEqual([result, MEND])
  expect(why).toContain("/usr/bin/git-annex-remote-ora, DataLad's 0.18.1 comes first")
})

test('none on PATH fails, and where ours is comes with it', () => {
  expect(judgeRemoteProgram([], ['file'], '/opt/riastore/bin')).toEqual(['failed', expect.any(String), MEND])
  expect(judgeRemoteProgram([], ['file'], undefined)[2]).toBeUndefined()
})
