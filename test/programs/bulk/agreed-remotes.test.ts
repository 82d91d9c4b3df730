import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Clone } from '../../../src/bulk/clone/clone.ts'
import { putKeys } from '../../../src/bulk/put.ts'
import { findRemotes } from '../../../src/bulk/remotes.ts'
import { GitConfig } from '../../../src/core/git-config.ts'
import { unagreedChanges } from '../../../src/core/records/annex-logs.ts'
import { runOk } from '../../support/programs/run.ts'
import { temporaryDirectory } from '../../support/stores/stores.ts'

const DATASET = '0a1b2c3d-0000-4000-8000-000000000000'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let gitDirectory: string
beforeAll(async () => {
  directory = await temporaryDirectory()
  gitDirectory = join(directory.path, 'bare')
  await runOk('git', ['init', '-q', '--bare', gitDirectory])
  await mkdir(join(gitDirectory, 'annex/journal'), { recursive: true })
})
afterAll(() => directory?.remove())

const logLine = (uuid: string, url: string, seconds: number) =>
  `${uuid} archive-id=${DATASET} encryption=none externaltype=ora name=store type=external url=${url} timestamp=${seconds}s\n`

beforeEach(async () => {
  await writeFile(join(gitDirectory, 'annex/journal/remote.log'), logLine('u1', 'ria+file:///recorded', 2))
  await writeFile(join(gitDirectory, 'annex/verified-remote.log'), '')
})

function cloneWith(settings: Readonly<Record<string, string>>): Clone {
  const config = new GitConfig(
    Object.entries({
      'annex.version': '10',
      'remote.store.annex-externaltype': 'ora',
      'remote.store.annex-uuid': 'u1',
      ...settings,
    }),
  )
  const annexDirectory = join(gitDirectory, 'annex')
  const annexVersion = '10.20261026'
  return { directory: gitDirectory, gitDirectory, annexDirectory, isBare: true, uuid: 'here', config, annexVersion }
}

/** Where the store of the clone's remote is; or why it is not used. */
async function storeOf(clone: Clone): Promise<string | undefined> {
  const [remote] = await findRemotes(clone)
  if (remote === undefined) return undefined
  return 'config' in remote.setup ? remote.setup.config.url.text : remote.setup.leftToAnnex
}

test('somebody who changes where a store is changes it for nobody who agreed to where it was', async () => {
  const clone = cloneWith({})
  expect(await storeOf(clone)).toBe('ria+file:///recorded')
  expect([...(await unagreedChanges(gitDirectory))]).toEqual([])
  await writeFile(join(gitDirectory, 'annex/verified-remote.log'), logLine('u1', 'ria+file:///agreed', 1))
  expect(await storeOf(clone)).toBe('ria+file:///agreed')
  expect([...(await unagreedChanges(gitDirectory))]).toEqual(['u1'])
  await writeFile(join(gitDirectory, 'annex/verified-remote.log'), logLine('u1', 'ria+file:///recorded', 1))
  expect([...(await unagreedChanges(gitDirectory))]).toEqual([])
})

test('a remote that was enabled and not agreed to is left to git-annex, which says what to do', async () => {
  const clone = cloneWith({ 'remote.store.annex-verified': 'manual' })
  expect(await storeOf(clone)).toContain('git annex verifyremote store')
})

test('nothing is put into any store while another remote, which enabled itself, is not agreed to', async () => {
  const notes: string[] = []
  const clone = cloneWith({ 'remote.store.annex-verified': 'verified', 'remote.other.annex-verified': 'automatic' })
  const report = await putKeys(clone, {
    selection: { paths: [], cwd: gitDirectory, matching: [], all: true, keys: [] },
    to: 'store',
    jobs: undefined,
    bytesPerSecond: undefined,
    dryRun: true,
    archiveBelow: undefined,
    pack: undefined,
    events: { onNote: (text) => notes.push(text) },
    signal: undefined,
    log: undefined,
  })
  expect(notes).toEqual(['left to git-annex: other is not verified: git annex verifyremote other'])
  expect(report.put).toBe(0)
})
