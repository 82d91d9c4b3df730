import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { objectsOf, riastore } from '../../../support/programs/console-double.ts'
import { run } from '../../../support/programs/run.ts'
import { exists } from '../../../support/repos/annex-repo.ts'
import { temporaryDirectory } from '../../../support/stores/stores.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let dataset: string
let store: string
beforeEach(async () => {
  directory = await temporaryDirectory()
  dataset = join(directory.path, 'dataset')
  store = join(directory.path, 'a store')
  await run('git', ['init', '-q', dataset])
  await mkdir(join(dataset, '.datalad'))
  await writeFile(join(dataset, '.datalad/config'), '[datalad "dataset"]\n\tid = abc-def\n')
})
afterEach(() => directory.remove())

const create = (...args: string[]) => riastore(['create-sibling', '-d', dataset, ...args])
const remotes = async () => (await run('git', ['remote', '-v'], { cwd: dataset })).stdout

describe('riastore create-sibling for a dataset without git-annex', () => {
  const git = (cwd: string, ...args: string[]) =>
    run('git', ['-c', 'user.name=A', '-c', 'user.email=a@example.com', '-c', 'protocol.file.allow=always', ...args], {
      cwd,
    })

  test('takes the name of a store, and records what it stands for', async () => {
    await git(dataset, 'config', 'riastore.store.lab.url', `ria+file://${directory.path}/lab`)
    vi.stubEnv('GIT_DIR', join(dataset, '.git'))
    const { code, stderr } = await create('-s', 'ria', '--new-store-ok', 'lab')
    vi.unstubAllEnvs()
    expect([code, stderr]).toEqual([0, ''])
    expect(await exists(join(directory.path, 'lab/abc/-def/HEAD'))).toBe(true)
    expect(await remotes()).toContain(`${directory.path}/lab/abc/-def (fetch)`)
  })

  /** Adds a repository as a submodule; without an id it is no dataset. */
  async function addSubmodule(path: string, id?: string): Promise<void> {
    const from = join(directory.path, `from-${path}`)
    await git(directory.path, 'init', '-q', from)
    if (id !== undefined) {
      await mkdir(join(from, '.datalad'))
      await writeFile(join(from, '.datalad/config'), `[datalad "dataset"]\n\tid = ${id}\n`)
      await git(from, 'add', '.')
    }
    await git(from, 'commit', '-q', '--allow-empty', '-m', 'first')
    expect((await git(dataset, 'submodule', '--quiet', 'add', from, path)).status).toBe(0)
  }

  test('with -r goes past a plain git submodule, and says so', async () => {
    await addSubmodule('plain')
    await addSubmodule('sub', 'ghi-jkl')
    const made = await create('-s', 'ria', '-r', '--new-store-ok', store)
    expect(made).toMatchObject({ code: 0, stderr: '' })
    expect(made.stdout).toContain(`${dataset}/plain: skipped: a plain git repository`)
    for (const id of ['abc/-def', 'ghi/-jkl']) expect(await exists(join(store, id, 'HEAD'))).toBe(true)
    const again = objectsOf(await create('-s', 'ria', '-r', '--json', store), 'sibling')
    const plain = again.find(({ path }) => String(path).endsWith('/plain'))
    expect(plain).toMatchObject({ status: 'notneeded', message: expect.stringMatching(/^skipped: a plain git/) })
  })

  test('with -r refuses two datasets of one id, and names both, before anything is made', async () => {
    await addSubmodule('copy', 'abc-def')
    for (const args of [['-r'], ['-r', '--existing', 'reconfigure'], ['--existing', 'reconfigure']]) {
      const ran = await create('-s', 'ria', '--new-store-ok', ...args, store)
      expect(ran).toMatchObject({
        code: 2,
        stderr: expect.stringContaining(`${dataset} and ${dataset}/copy have the same`),
      })
      expect(await exists(store)).toBe(false)
    }
  })

  test('--existing reconfigure never puts another history into a repository that is there', async () => {
    await git(dataset, 'commit', '-q', '--allow-empty', '-m', 'ours')
    await create('-s', 'ria', '--new-store-ok', store)
    const other = join(directory.path, 'other')
    await git(directory.path, 'init', '-q', other)
    await git(other, 'commit', '-q', '--allow-empty', '-m', 'theirs')
    expect((await git(other, 'push', '-q', `${store}/abc/-def`, 'HEAD:refs/heads/main')).status).toBe(0)
    const ran = await create('-s', 'again', '--existing', 'reconfigure', store)
    expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining('has another history') })
    expect(await remotes()).not.toContain('again')
  })

  test('shows a store whose name holds line ends and escape sequences on one line, without their effect', async () => {
    const { code, stdout } = await create('-s', 'ria', '--new-store-ok', `${store}\nelse: set up\u001b[2J`)
    expect(code).toBe(0)
    const shown = `${store}\\u000aelse: set up\\u001b[2J/abc/-def`
    expect(stdout.trimEnd().split('\n').slice(-2)).toEqual([
      `  set up the git remote ria: ${shown}`,
      `${dataset}: set up in ${shown}`,
    ])
  })

  test('makes a repository and a git remote, tells what it did, and has nothing to do after that', async () => {
    const made = await create('-s', 'ria', '--new-store-ok', store)
    expect(made).toMatchObject({ code: 0, stderr: '' })
    expect(made.stdout).toBe(
      [
        `  made a store: ${store}`,
        `  made the bare repository: ${store}/abc/-def`,
        `  set up the git remote ria: ${store}/abc/-def`,
        `${dataset}: set up in ${store}/abc/-def\n`,
      ].join('\n'),
    )
    expect(await remotes()).toContain(`ria\t${store}/abc/-def (push)`)
    const again = await create('-s', 'ria', store)
    expect(again).toMatchObject({ code: 0, stdout: `${dataset}: nothing to do: it is set up already\n` })
    for (const options of [['--shared', 'group'], ['--post-update-hook']]) {
      expect((await create('-s', 'ria', ...options, store)).stderr).toContain('a sibling ria is configured already')
      const changed = await create('-s', 'ria', ...options, '--existing', 'reconfigure', store)
      expect(changed).toMatchObject({ code: 0, stderr: '' })
      expect((await create('-s', 'ria', ...options, store)).stdout).toContain('nothing to do')
    }
    await rm(join(store, 'abc/-def/ria-layout-version'))
    expect((await create('-s', 'ria', store)).code).toBe(2)
    expect((await create('-s', 'ria', '--existing', 'reconfigure', store)).stdout).toContain('completed the bare repo')
    expect((await create('-s', 'ria', store)).stdout).toContain('nothing to do')
    expect(await create('-s', 'ria', '--existing', 'error', store)).toMatchObject({
      code: 2,
      stderr: `riastore: ${dataset}: a sibling ria is configured already (--existing reconfigure or skip)\n`,
    })
    const skipped = await create('-s', 'other', '--existing', 'skip', '--json', store)
    expect(objectsOf(skipped)[0]).toMatchObject({
      status: 'notneeded',
      message: `skipped: the dataset is in the store already: ${store}/abc/-def`,
    })
    expect(await create('-s', 'other', '--existing', 'reconfigure', store)).toMatchObject({ code: 0, stderr: '' })
    expect(await remotes()).toContain('other\t')
  })

  test('tells what it would do, and changes nothing', async () => {
    const told = await create('-s', 'ria', '--new-store-ok', '--dry-run', store)
    expect(told).toMatchObject({ code: 0, stderr: '' })
    expect(told.stdout).toContain(`  would make a store: ${store}\n`)
    expect(told.stdout).toMatch(/would be set up in [^\n]*\n$/)
    expect(await exists(store)).toBe(false)
    expect(await remotes()).toBe('')
  })

  test('makes no store that was not asked for', async () => {
    const ran = await create('-s', 'ria', store)
    expect(ran).toMatchObject({ code: 4, stdout: '' })
    expect(ran.stderr).toMatch(
      /^riastore: [^\n]*there is no store: make one with riastore init, or give --new-store-ok\n$/,
    )
    expect(await exists(store)).toBe(false)
  })
})

test.each([
  [['-s', 'ria'], /which store\?/],
  [['/store'], /name/],
  [['-s', 'ria', '/store', '--existing', 'replace'], /--existing "replace": it is one of skip, error, reconfigure/],
  [['-s', 'ria', 'ria+file:///store#~alias'], /names a dataset: leave #… away/],
  [['-s', 'ria', 'https://example.org/store'], /does not start with ria\+/],
  [['-s', 'ria', '--storage-sibling', 'only', '/store'], /needs a dataset with git-annex/],
  [['-s', 'ria', '--shared', 'maybe', '/store'], /--shared is "maybe"/],
  [['-s', 'ria', '--shared', 'group', 'ria+s3+https://s3.example.org/bucket'], /mean nothing in S3/],
  [['-s', 'ria', '--group', 'lab', 'ria+sftp://example.org/store'], /--group needs a shell/],
])('%j is refused in one line', async (args, reason) => {
  const ran = await create(...args)
  expect(ran).toMatchObject({ code: 2, stdout: '' })
  expect(ran.stderr).toMatch(reason)
  expect(ran.stderr).toMatch(/^riastore: [^\n]+\n$/)
})

test('outside of any dataset it says so', async () => {
  const ran = await riastore(['create-sibling', '-s', 'ria', '-d', directory.path, store])
  expect(ran).toMatchObject({
    code: 2,
    stderr: `riastore: ${directory.path}: this is no git repository, nor is it in one\n`,
  })
})
