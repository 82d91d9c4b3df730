import { createHash } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { keyPaths } from '../../../src/ria/layout/paths.ts'
import { makeArchive } from '../../support/archives/real-archive.ts'
import { runOk } from '../../support/programs/run.ts'
import { annexLink, commitFiles } from '../../support/repos/memory-repository.ts'
import { type ServedStore, serveStore } from '../../support/servers/served-store.ts'
import { DIRECTORY, ID } from '../../support/stores/memory-dataset.ts'
import { temporaryDirectory, write } from '../../support/stores/stores.ts'
import { useS3 } from '../../support/worlds/s3-bench.ts'

const s3 = useS3()

/** Of ten letters each, and sorted. More than samtools reads at once. */
const READS = 60_000
const REGION = 'chr1:300000-300200'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let served: ServedStore | undefined

beforeAll(async () => {
  directory = await temporaryDirectory()
  const reads = Array.from({ length: READS }, (_, i) => {
    const letters = createHash('md5')
      .update(String(i))
      .digest('hex')
      .replace(/[^0-9a-f]/g, '')
      .slice(0, 10)
    const bases = letters.replace(/./g, (digit) => 'ACGT'.charAt(Number.parseInt(digit, 16) & 3))
    return `r${i}\t0\tchr1\t${1 + i * 10}\t60\t10M\t*\t0\t0\t${bases}\tIIIIIIIIII`
  })
  const sam = join(directory.path, 'reads.sam')
  await writeFile(sam, `@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:chr1\tLN:${READS * 10 + 100}\n${reads.join('\n')}\n`)
  await runOk('samtools', ['view', '-b', '-o', join(directory.path, 'reads.bam'), sam])
  await runOk('samtools', ['index', join(directory.path, 'reads.bam')])
})
afterAll(async () => {
  await served?.close()
  await directory?.remove()
})

test('samtools reads a part of a BAM out of an archive in S3 by range, and finds what it finds in the file', async () => {
  const members = new Map<string, Buffer>()
  const links: Record<string, ReturnType<typeof annexLink>> = {}
  for (const name of ['reads.bam', 'reads.bam.bai']) {
    const content = await readFile(join(directory.path, name))
    const key = `MD5E-s${content.length}--${createHash('md5').update(content).digest('hex')}.${name.split('.').at(-1)}`
    const path = keyPaths(DIRECTORY, '2', key)[0] ?? ''
    members.set(path.slice(`${DIRECTORY}/annex/objects/`.length), content)
    links[name] = annexLink(key)
  }
  await write(s3.store, 'ria-layout-version', '1\n')
  await write(s3.store, `${DIRECTORY}/ria-layout-version`, '2\n')
  await write(s3.store, `${DIRECTORY}/archives/archive.7z`, await makeArchive(members, ['-mx0']))
  await commitFiles(s3.store, DIRECTORY, links)
  served = await serveStore(s3.store)
  // It keeps the index where it runs.
  const cwd = join(directory.path, 'work')
  await mkdir(cwd)
  const { stdout } = await runOk(
    'samtools',
    ['view', `http://127.0.0.1:${served.port}/d/${ID}/main/reads.bam`, REGION],
    { cwd },
  )
  const { stdout: expected } = await runOk('samtools', ['view', join(directory.path, 'reads.bam'), REGION])
  expect(stdout.split('\n').length).toBeGreaterThan(20)
  expect(stdout).toBe(expected)
  await expect.poll(() => served?.log.some(({ status }) => status === 206)).toBe(true)
})
