import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { compact } from '../../../../src/admin/compaction/compact.ts'
import { examineStore } from '../../../../src/admin/doctor/examine.ts'
import { StoredDataset } from '../../../../src/ria/layout/stored-dataset.ts'
import { systemProgram } from '../../../support/programs/programs.ts'
import { type DatasetOnDisk, datasetOnDisk, keyOf } from '../../../support/stores/dataset-on-disk.ts'
import { DIRECTORY } from '../../../support/stores/memory-dataset.ts'

const REASON = /\/7z is 7-Zip 16\.02, which is not safe with archives that others may have made: install 7-Zip 24\.08/

let dataset: DatasetOnDisk
beforeEach(async () => {
  dataset = await datasetOnDisk()
  const programs = join(dataset.root, '../programs')
  await mkdir(programs)
  const script = `#!/bin/sh\n[ "$1" = i ] && { echo '7-Zip [64] 16.02 : Copyright'; exit; }\nexec '${await systemProgram('7zz')}' "$@"\n`
  await writeFile(join(programs, '7z'), script, { mode: 0o755 })
  await symlink(await systemProgram('git'), join(programs, 'git'))
  vi.stubEnv('PATH', programs)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await dataset.remove()
})

test('an old 7-Zip makes the first archive of a dataset; a later run is refused with the reason, and nothing is lost', async () => {
  const first = await dataset.addKey('first')
  expect(await compact(new StoredDataset(dataset.store, DIRECTORY))).toMatchObject({
    packed: { keys: 1 },
    problems: [],
  })
  expect(dataset.isLoose(first)).toBe(false)
  const before = await readFile(dataset.file('archives/archive.7z'))
  const second = await dataset.addKey('second')
  await expect(compact(new StoredDataset(dataset.store, DIRECTORY))).rejects.toMatchObject({
    kind: 'unsupported',
    reason: expect.stringMatching(REASON),
  })
  expect(dataset.isLoose(second)).toBe(true)
  expect((await readFile(dataset.file('archives/archive.7z'))).equals(before)).toBe(true)
  expect(await dataset.archives()).toEqual(['archive.7z'])
})

test('a key that was damaged is taken out again of the archive that an old 7-Zip has just made', async () => {
  const good = await dataset.addKey('good')
  const bad = await dataset.addKey('damaged', { key: keyOf('another') })
  expect(await compact(new StoredDataset(dataset.store, DIRECTORY))).toMatchObject({
    packed: { keys: 1 },
    left: { damaged: 1 },
  })
  expect([dataset.isLoose(good), dataset.isLoose(bad)]).toEqual([false, true])
})

test('doctor warns of an old 7-Zip, and says which is needed', async () => {
  const findings = await examineStore(dataset.store, { report: () => {} })
  expect(findings.find(({ check }) => check === '7z')).toMatchObject({
    result: 'warning',
    why: expect.stringMatching(REASON),
  })
})
