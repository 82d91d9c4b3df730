import { randomBytes } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { processes } from '../../support/programs/processes.ts'
import { type AnnexRepo, makeAnnexRepo, sha256 } from '../../support/repos/annex-repo.ts'
import { initRemote } from '../../support/repos/ria-store.ts'
import { makeS3Scene, type S3Scene } from '../../support/worlds/s3-scene.ts'
import { makeWorkspace, type Workspace } from '../../support/worlds/workspace.ts'

const GIB = 1024 ** 3
const MIB = 1024 ** 2
const HOUR_MS = 3_600_000
/** The budget, bytes. */
const MOST_MEMORY = 250 * 1e6

let workspace: Workspace
let scene: S3Scene
let repo: AnnexRepo
let remote: string

beforeAll(async () => {
  workspace = await makeWorkspace()
  scene = await makeS3Scene(workspace)
  repo = await makeAnnexRepo(workspace, 'repo', { timeoutMs: HOUR_MS, env: scene.env })
  remote = await initRemote(repo, scene.url, await scene.addDataset('large-0001-of-the-dataset'))
  // Past the server that can misbehave, which passes everything on in javascript.
  await repo.setConfig(`remote.${remote}.ora-url`, scene.directUrl)
})
afterAll(() => workspace?.remove())

/** Runs git-annex and gives the most memory that our program ever had, in bytes. */
async function peakMemory(...parameters: string[]): Promise<number> {
  const running = repo.startAnnex(...parameters)
  let peak = 0
  const look = async () => {
    for (const { pid, command } of await processes()) {
      if (!command.includes(workspace.path('programs/package/dist/git-annex-remote-ora.js'))) continue
      const status = await readFile(`/proc/${pid}/status`, 'latin1').catch(() => '')
      peak = Math.max(peak, Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024)
    }
  }
  const timer = setInterval(() => void look(), 200)
  const result = await running.done.finally(() => clearInterval(timer))
  expect([result.status, result.stderr]).toEqual([0, ''])
  return peak
}

test('3 GiB go to S3 and back with bounded memory, at the usual and the largest parallelism', {
  timeout: HOUR_MS,
}, async () => {
  await repo.write('large', '')
  const file = await open(`${repo.path}/large`, 'r+')
  // Holes, and blocks that no part begins or ends with.
  for (let position = 0; position < 3 * GIB; position += 97 * MIB)
    await file.write(randomBytes(5 * MIB), 0, 5 * MIB, position)
  await file.truncate(3 * GIB + 1)
  await file.close()
  const before = await sha256(`${repo.path}/large`)
  await repo.annex('add', 'large')
  await repo.git('commit', '-q', '-m', 'Add it')
  const peaks: Record<string, number> = {}
  await repo.setConfig(`remote.${remote}.riastore-s3-parallel`, '64')
  peaks['up, 64 parts'] = await peakMemory('copy', '--to', remote, 'large')
  for (const parallel of ['64', '4']) {
    await repo.setConfig(`remote.${remote}.riastore-s3-parallel`, parallel)
    await repo.annex('drop', 'large')
    peaks[`down, ${parallel} parts`] = await peakMemory('get', '--from', remote, 'large')
    expect(await sha256(`${repo.path}/large`)).toBe(before)
  }
  console.log(
    'peak memory in MB:',
    Object.entries(peaks)
      .map(([what, bytes]) => `${what} ${Math.round(bytes / 1e6)}`)
      .join('; '),
  )
  for (const [what, bytes] of Object.entries(peaks)) {
    expect(bytes, what).toBeGreaterThan(20 * 1e6) // it was seen
    expect(bytes, what).toBeLessThan(MOST_MEMORY)
  }
})
