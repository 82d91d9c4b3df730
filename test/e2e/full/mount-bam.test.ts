import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run, runOk, start } from '../../support/programs/run.ts'
import { datasetId, makeDataset } from '../../support/repos/annex-repo.ts'
import { makeS3Scene } from '../../support/worlds/s3-scene.ts'
import { riastoreProgram } from '../../support/worlds/sibling-scene.ts'
import { makeWorkspace, type Workspace } from '../../support/worlds/workspace.ts'

const READS = 60_000
const LENGTH = 100

let workspace: Workspace
beforeAll(async () => {
  workspace = await makeWorkspace()
})
afterAll(async () => {
  await run('fusermount3', ['-u', '-z', workspace.path('folder')])
  await workspace?.remove()
})

/** Alignments of made reads, in order. */
function sam(): string {
  const lines = ['@HD\tVN:1.6\tSO:coordinate', '@SQ\tSN:chr1\tLN:10000000']
  for (let i = 0; i < READS; i++) {
    const bases = Array.from({ length: LENGTH }, (_, at) => 'ACGT'[(i * 7919 + at * at * 31 + ((i * at) >> 3)) & 3])
    lines.push(`read${i}\t0\tchr1\t${1 + i * 150}\t60\t${LENGTH}M\t*\t0\t0\t${bases.join('')}\t${'I'.repeat(LENGTH)}`)
  }
  return `${lines.join('\n')}\n`
}

test('samtools reads a region of a BAM out of an archive in S3 through a folder, as from the file', async () => {
  const { env, url } = await makeS3Scene(workspace, { prefix: 'bam' })
  const repo = (await makeDataset(workspace, 'dataset')).with({ env })
  const bam = join(repo.path, 'reads.bam')
  await writeFile(workspace.path('reads.sam'), sam())
  await runOk('samtools', ['view', '-b', '-o', bam, workspace.path('reads.sam')])
  await runOk('samtools', ['index', bam])
  const view = (path: string) => runOk('samtools', ['view', path, 'chr1:4500000-4505000'])
  const { stdout: expected } = await view(bam)
  expect(expected.split('\n').length).toBeGreaterThan(30)
  await repo.annex('add', 'reads.bam', 'reads.bam.bai')
  await repo.git('commit', '-q', '-m', 'Add reads')
  const program = riastoreProgram(workspace)
  const riastore = (...words: string[]) => runOk(process.execPath, [program, ...words], { env, cwd: repo.path })
  await riastore('init', url)
  await riastore('create-sibling', url, '-s', 's3')
  await repo.datalad('push', '--to', 's3')
  const id = await datasetId(repo)
  await riastore('archive', '--yes', url, id)
  const folder = workspace.path('folder')
  await mkdir(folder)
  const mounted = start(process.execPath, [program, 'mount', url, id, folder], { env })
  await mounted.says(/ at .*folder\n/)
  expect((await view(join(folder, 'reads.bam'))).stdout).toBe(expected)
  await runOk('cmp', [join(folder, 'reads.bam'), bam])
  mounted.killGroup('SIGINT')
  expect((await mounted.done).status).toBe(130)
})
