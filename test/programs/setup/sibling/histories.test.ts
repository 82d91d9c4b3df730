import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Dataset } from '../../../../src/setup/dataset.ts'
import { requireSameHistory } from '../../../../src/setup/sibling/histories.ts'
import { openLocalStore } from '../../../../src/store/local/local.ts'
import { run } from '../../../support/programs/run.ts'
import { temporaryDirectory } from '../../../support/stores/stores.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let bare: string
let dataset: string
beforeEach(async () => {
  directory = await temporaryDirectory()
  bare = join(directory.path, 'store/abc/def')
  dataset = await makeRepository('dataset')
  await git(directory.path, 'init', '-q', '--bare', bare)
})
afterEach(() => directory.remove())

async function git(cwd: string, ...args: string[]): Promise<string> {
  const result = await run('git', ['-c', 'user.name=A', '-c', 'user.email=a@example.com', ...args], { cwd })
  expect(result.status, result.stderr).toBe(0)
  return result.stdout
}

async function makeRepository(name: string): Promise<string> {
  const path = join(directory.path, name)
  await git(directory.path, 'init', '-q', '-b', 'main', path)
  await git(path, 'commit', '-q', '--allow-empty', '-m', `first of ${name}`)
  return path
}

async function check(path = dataset): Promise<void> {
  const store = openLocalStore({ root: join(directory.path, 'store') })
  try {
    const place = { directory: 'abc/def', gitUrl: bare }
    await requireSameHistory(await Dataset.open(path), store, place, {})
  } finally {
    await store.close()
  }
}

describe('a repository in a store', () => {
  test('that nothing was pushed to, or the git-annex branch alone, takes any dataset', async () => {
    await check()
    const other = await makeRepository('other')
    await git(other, 'push', '-q', bare, 'main:git-annex', 'main:synced/main')
    await check()
  })

  test('takes a dataset that was pushed there, also by somebody who is ahead of it', async () => {
    await git(dataset, 'push', '-q', bare, 'main')
    await check()
    await git(directory.path, 'clone', '-q', bare, 'ahead', '-b', 'main')
    const ahead = join(directory.path, 'ahead')
    await git(ahead, 'commit', '-q', '--allow-empty', '-m', 'more')
    await git(ahead, 'push', '-q', bare, 'main')
    await check()
    expect(await git(dataset, 'for-each-ref', '--format=%(refname)')).toBe('refs/heads/main\n')
  })

  test('takes no dataset of another history, and says so before anything is changed', async () => {
    await git(await makeRepository('other'), 'push', '-q', bare, 'main')
    const refs = () => git(dataset, 'for-each-ref')
    const before = await refs()
    await expect(check()).rejects.toThrow(
      `${dataset}: the repository in the store, ${bare}, has another history. Two datasets of one id cannot both be there`,
    )
    expect(await refs()).toBe(before)
  })

  test('that cannot be compared takes none', async () => {
    const other = await makeRepository('other')
    await git(other, 'push', '-q', bare, 'main')
    await run('rm', ['-r', join(bare, 'objects')])
    await expect(check()).rejects.toThrow(/cannot be compared with this dataset: git fetch/)
  })

  test('takes a shallow clone whose commits it has, and asks for more of one where that cannot be told', async () => {
    await git(dataset, 'commit', '-q', '--allow-empty', '-m', 'second')
    await git(dataset, 'push', '-q', bare, 'main')
    await git(directory.path, 'clone', '-q', '--depth', '1', `file://${dataset}`, 'shallow')
    const shallow = join(directory.path, 'shallow')
    await check(shallow)
    await git(bare, 'update-ref', 'refs/heads/main', 'main~')
    await expect(check(shallow)).rejects.toThrow(/shallow clone knows: git fetch --unshallow first/)
  })
})
