import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Dataset } from '../../../src/setup/dataset.ts'
import { requireDifferentIds, requireOwnId } from '../../../src/setup/dataset-ids.ts'
import { run } from '../../support/programs/run.ts'
import { temporaryDirectory } from '../../support/stores/stores.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let top: string
beforeEach(async () => {
  directory = await temporaryDirectory()
  top = await makeDataset('top', 'id-of-top')
})
afterEach(() => directory.remove())

async function git(cwd: string, ...args: string[]): Promise<void> {
  const settings = ['-c', 'user.name=A', '-c', 'user.email=a@example.com', '-c', 'protocol.file.allow=always']
  const result = await run('git', [...settings, ...args], { cwd })
  expect(result.status, result.stderr).toBe(0)
}

async function makeDataset(name: string, id: string): Promise<string> {
  const path = join(directory.path, name)
  await mkdir(join(path, '.datalad'), { recursive: true })
  await writeFile(join(path, '.datalad/config'), `[datalad "dataset"]\n\tid = ${id}\n`)
  await git(path, 'init', '-q')
  await git(path, 'add', '.')
  await git(path, 'commit', '-q', '-m', 'first')
  return path
}

/** Registers a dataset as a subdataset, and gives the path of the clone that is there then. */
async function addSubdataset(above: string, from: string, path: string): Promise<string> {
  await git(above, 'submodule', '--quiet', 'add', from, path)
  return join(above, path)
}

const check = async (path: string) => requireOwnId(await Dataset.open(path), {})

describe('two datasets of one id', () => {
  test('are refused in words that name both', () => {
    const [one, two] = [
      { path: '/top', id: 'a' },
      { path: '/top/copy', id: 'a' },
    ]
    expect(() => requireDifferentIds([one, { path: '/top/other', id: 'b' }, two])).toThrow(
      '/top and /top/copy have the same dataset id, a: a store would put both into one repository',
    )
    expect(() => requireDifferentIds([one, { path: '/x', id: undefined }, { path: '/y', id: undefined }])).not.toThrow()
  })

  test('are found from either of them when one is a subdataset of the other, however deep', async () => {
    const middle = await addSubdataset(top, await makeDataset('middle', 'id-of-middle'), 'sub/middle')
    await check(top)
    const copy = await addSubdataset(middle, await makeDataset('copy', 'id-of-top'), 'copy')
    for (const path of [top, copy]) {
      await expect(check(path)).rejects.toThrow(`${top} and ${copy} have the same dataset id, id-of-top`)
    }
    await check(middle)
  })

  test('are no harm where the one only lies in the directory of the other', async () => {
    await git(top, 'clone', '-q', '.', 'clone')
    await check(top)
    await check(join(top, 'clone'))
  })
})
