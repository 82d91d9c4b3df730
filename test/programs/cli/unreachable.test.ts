import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { objectsOf, riastore } from '../../support/programs/console-double.ts'
import { runOk } from '../../support/programs/run.ts'
import { temporaryDirectory } from '../../support/stores/stores.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeAll(async () => {
  directory = await temporaryDirectory()
  await runOk('git', ['init', '-q', directory.path])
  await mkdir(join(directory.path, '.datalad'))
  await writeFile(join(directory.path, '.datalad/config'), '[datalad "dataset"]\n\tid = abc-def\n')
  vi.stubEnv('GITLAB_TOKEN', 'any')
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await directory.remove()
})

test.each([
  ['create-sibling', ['-s', 'ria', '--new-store-ok', 'ria+ssh://127.0.0.1:1/store']],
  ['create-sibling-gitlab', ['--gitlab', 'https://127.0.0.1:1', 'lab/eeg']],
])('riastore %s ends with 4 where its server cannot be reached', async (command, words) => {
  const ran = await riastore([command, '-d', directory.path, '--json', ...words])
  expect([ran.code, ran.stderr]).toEqual([4, expect.stringMatching(/^riastore: .*127\.0\.0\.1.*\n$/m)])
  expect(objectsOf(ran, 'error')).toMatchObject([{ kind: 'unreachable', exitCode: 4 }])
  expect(objectsOf(ran, 'sibling')).toEqual([])
})
