import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Dataset } from '../../../../src/setup/dataset.ts'
import { checkMayCommit, commitSettings } from '../../../../src/setup/site/publication-commit.ts'
import { runOk } from '../../../support/programs/run.ts'
import { temporaryDirectory } from '../../../support/stores/stores.ts'

let temporary: Awaited<ReturnType<typeof temporaryDirectory>>
let path: string
const git = async (...args: string[]) => (await runOk('git', args, { cwd: path })).stdout
const SETTINGS = {
  'datalad.get.subdataset-source-candidate-200lab': 'ria+file:///store#{id}',
  'riastore.lab.project': 'lab/x',
}
const OURS =
  /^\[datalad "get"\]\n\tsubdataset-source-candidate-200lab = "?ria\+file:\/\/\/store#\{id\}"?\n\[riastore "lab"\]\n\tproject = lab\/x\n/m
const file = () => join(path, '.datalad/config')

beforeEach(async () => {
  temporary = await temporaryDirectory()
  path = join(temporary.path, 'dataset')
  await mkdir(join(path, '.datalad'), { recursive: true })
  vi.stubEnv('GIT_CONFIG_GLOBAL', join(temporary.path, 'gitconfig'))
  vi.stubEnv('GIT_CONFIG_NOSYSTEM', '1')
  await writeFile(join(temporary.path, 'gitconfig'), '[user]\nname = A\nemail = a@example.org\n')
  await git('init', '-q')
  await writeFile(file(), '[datalad "dataset"]\n\tid = 1-2\n')
  await writeFile(join(path, 'data'), 'data')
  await git('add', '.')
  await git('commit', '-q', '-m', 'first')
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await temporary.remove()
})

const commit = async () => commitSettings(await Dataset.open(path), SETTINGS, 'note it')

describe('committing into .datalad/config', () => {
  test('changes that file alone, leaves a clean work tree, and does nothing the second time', async () => {
    expect(await commit()).toBe(true)
    expect(await git('status', '--porcelain')).toBe('')
    // Without a refresh: what DataLad asks must not take it for changed.
    expect(await git('diff-files')).toBe('')
    expect(await git('show', '--name-status', '--format=%s', 'HEAD')).toBe('note it\n\nM\t.datalad/config\n')
    expect(await readFile(file(), 'utf8')).toMatch(OURS)
    const head = await git('rev-parse', 'HEAD')
    expect(await commit()).toBe(false)
    expect(await git('rev-parse', 'HEAD')).toBe(head)
  })

  test('leaves what the user changed, staged and added as it was, also in that file', async () => {
    await writeFile(join(path, 'data'), 'changed')
    await writeFile(join(path, 'staged'), 'staged')
    await git('add', 'staged')
    await writeFile(join(path, 'untracked'), '')
    await writeFile(file(), '[datalad "dataset"]\n\tid = 1-2\n[user "staged"]\n\tx = 1\n')
    await git('add', '.datalad/config')
    await writeFile(file(), '[datalad "dataset"]\n\tid = 1-2\n[user "staged"]\n\tx = 1\n[user "not-staged"]\n\tx = 1\n')
    expect(await commit()).toBe(true)
    expect(await git('status', '--porcelain')).toBe('MM .datalad/config\n M data\nA  staged\n?? untracked\n')
    expect(await git('show', 'HEAD:.datalad/config')).not.toContain('staged')
    expect(await git('show', ':.datalad/config')).toMatch(/"staged"/)
    expect(await git('show', ':.datalad/config')).not.toMatch(/"not-staged"/)
    expect(await readFile(file(), 'utf8')).toMatch(/"not-staged"/)
    for (const place of ['HEAD', '']) expect(await git('show', `${place}:.datalad/config`)).toMatch(OURS)
    expect(await readFile(file(), 'utf8')).toMatch(OURS)
  })

  test('mends what a run that was killed after its commit left', async () => {
    await commit()
    await writeFile(file(), '[datalad "dataset"]\n\tid = 1-2\n')
    await git('add', '.datalad/config')
    expect(await git('status', '--porcelain')).toBe('M  .datalad/config\n')
    expect(await commit()).toBe(false)
    expect(await git('status', '--porcelain')).toBe('')
  })

  test('works from a sparse checkout, and on a detached HEAD', async () => {
    await git('sparse-checkout', 'set', '--no-cone', '/data')
    await git('checkout', '-q', '--detach')
    expect(await commit()).toBe(true)
    expect(await git('status', '--porcelain')).toBe('')
    expect(await git('show', 'HEAD:.datalad/config')).toMatch(OURS)
  })

  test('does not have git read the files of the dataset again', async () => {
    const log = join(temporary.path, 'cleaned')
    await git('config', 'filter.seen.clean', `tee -a ${log}`)
    await writeFile(join(path, '.gitattributes'), 'data filter=seen\n')
    await git('add', '.')
    await git('commit', '-q', '-m', 'filtered')
    // As long as a file is as young as the index, git cannot tell.
    await sleep(1100)
    await git('update-index', '--really-refresh')
    await rm(log, { force: true })
    expect(await commit()).toBe(true)
    expect(existsSync(log)).toBe(false)
  })

  test('refuses while a merge is under way: a commit would end it', async () => {
    await git('checkout', '-q', '-b', 'side')
    await writeFile(join(path, 'data'), 'side')
    await git('commit', '-q', '-a', '-m', 'side')
    await git('checkout', '-q', '-')
    await git('merge', '-q', '--no-commit', '--no-ff', 'side')
    const dataset = await Dataset.open(path)
    expect(() => checkMayCommit(dataset)).toThrow(/a merge is under way/)
    await git('commit', '-q', '-m', 'merged')
    expect(() => checkMayCommit(dataset)).not.toThrow()
  })

  test('makes no commit in a repository that DataLad did not make', async () => {
    await git('rm', '-q', '.datalad/config')
    await git('commit', '-q', '-m', 'none')
    expect(await commit()).toBe(false)
    expect(await git('status', '--porcelain')).toBe('')
  })
})
