import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type AnyGitLab, anyGitLab } from '../support/gitlab/any.ts'
import { startGitLab } from '../support/gitlab/server.ts'
import { fullPath } from '../support/gitlab/state.ts'
import { objectsOf } from '../support/programs/console-double.ts'
import { runInProcess } from '../support/programs/in-process.ts'
import { writeWrapper } from '../support/programs/programs.ts'
import { explain, type Result, run, runOk, start } from '../support/programs/run.ts'
import { type AnnexRepo, datasetId, exists, makeDataset } from '../support/repos/annex-repo.ts'
import { riastoreProgram } from '../support/worlds/sibling-scene.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

/** A server need not show at once what was pushed. */
const SOON = { interval: 100 }

let workspace: Workspace
let gitlab: AnyGitLab
let env: NodeJS.ProcessEnv
let count = 0

beforeAll(async () => {
  workspace = await makeWorkspace()
  gitlab = await anyGitLab(workspace.path())
  workspace.onRemove(() => gitlab.close())
  const programs = workspace.path('programs')
  await writeWrapper(programs, 'riastore', [process.execPath, join(programs, 'package/dist/riastore.js')])
  // The only file with the token, and whoever asks for it: git's credential helper of this user.
  await writeFile(workspace.path('token'), gitlab.token, { mode: 0o600 })
  const helper = `#!/bin/sh\n[ "$1" = get ] || exit 0\necho username=oauth2\nprintf 'password='; cat '${workspace.path('token')}'; echo\n`
  await writeFile(workspace.path('helper'), helper, { mode: 0o755 })
  await runOk('git', ['config', '--global', 'credential.helper', workspace.path('helper')], { env: workspace.env })
  env = workspace.env
})
afterAll(() => workspace?.remove())

let repo: AnnexRepo
let project: string
beforeEach(async () => {
  count += 1
  repo = await makeDataset(workspace, `ds${count}`, { env })
  project = `${gitlab.group}/${gitlab.newName()}`
})

const words = (more: readonly string[]) => ['create-sibling-gitlab', '--gitlab', gitlab.url, project, ...more]
const startCreateSibling = (...more: string[]): Promise<Result> => repo.try('riastore', ...words(more))
const createSibling = (...more: string[]): Promise<Result> =>
  runInProcess(riastoreProgram(workspace), words(more), { env, cwd: repo.path })

/**
 * Whatever runs on this machine as a command line, looked at again and again while `work` goes on.
 */
async function commandLinesDuring(work: () => Promise<unknown>): Promise<ReadonlySet<string>> {
  const seen = new Set<string>()
  let isOver = false
  const watching = (async () => {
    while (!isOver) {
      const pids = (await readdir('/proc')).filter((name) => /^[0-9]+$/.test(name))
      const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
      for (const line of lines) seen.add(line.replaceAll('\0', ' '))
      await sleep(10) // which is less than a look takes, and leaves others the processor
    }
  })()
  try {
    await work()
  } finally {
    isOver = true
    await watching
  }
  return seen
}

describe('riastore create-sibling-gitlab with a real dataset', () => {
  test('git push and datalad push publish it over https; the token shows nowhere', async () => {
    const said: Result[] = []
    const id = await datasetId(repo)
    const lines = await commandLinesDuring(async () => {
      said.push(await startCreateSibling('--description', 'A test', '--topic', 'datalad'))
      await repo.add({ 'a.txt': 'a\n' })
      said.push(await repo.try('git', 'push', 'gitlab', 'main'))
      await repo.write('b.txt', 'b\n')
      said.push(await repo.try('datalad', 'save', '-m', 'Add b'))
      said.push(await repo.try('datalad', 'push', '--to', 'gitlab'))
    })
    for (const result of said) expect(result.status, explain(result)).toBe(0)
    expect([...lines].some((line) => line.includes('create-sibling-gitlab'))).toBe(true)

    await expect
      .poll(() => gitlab.project(project), SOON)
      .toMatchObject({
        path_with_namespace: project,
        description: `A test\n\nDataLad dataset ${id}`,
        empty_repo: false,
        default_branch: 'main',
        visibility: 'private',
      })
    const url = await repo.config('remote.gitlab.url')
    const refs = (await repo.git('ls-remote', 'gitlab')).stdout
    expect(refs).toContain(`${(await repo.git('rev-parse', 'main')).stdout.trim()}\trefs/heads/main`)
    expect(refs).toContain('\trefs/heads/git-annex')
    await runOk('git', ['clone', '-q', url ?? '', workspace.path(`clone${count}`)], { env })
    expect(await exists(workspace.path(`clone${count}`, '.datalad/config'))).toBe(true)
    // git-annex left it alone.
    expect(await repo.config('remote.gitlab.annex-uuid')).toBeUndefined()

    for (const text of [...lines, ...said.map(explain)]) expect(text).not.toContain(gitlab.token)
    const found = await run('grep', ['-rlF', '--', gitlab.token, workspace.directory])
    expect(found.stdout.trim().split('\n')).toEqual([workspace.path('token')])
  })

  test('the same command again, before and after a push, changes nothing', async () => {
    const config = () => readFile(join(repo.path, '.git/config'), 'utf8')
    expect(await createSibling()).toMatchObject({ status: 0 })
    const before = await config()
    expect(await createSibling()).toMatchObject({ status: 0 })
    await repo.git('push', '-q', 'gitlab', 'main')
    const again = await createSibling('--json')
    expect(again.status, explain(again)).toBe(0)
    expect(objectsOf(again, 'sibling')).toMatchObject([{ status: 'found', changed: [], project }])
    expect(await config()).toBe(before)
    expect((await repo.git('status', '--porcelain')).stdout).toBe('')
  })

  test('another dataset gets neither the project nor a remote', async () => {
    await createSibling()
    await repo.git('push', '-q', 'gitlab', 'main')
    const owner = await gitlab.project(project)
    const first = await datasetId(repo)
    count += 1
    repo = await makeDataset(workspace, `ds${count}`, { env })
    for (const existing of ['error', 'reconfigure']) {
      const refused = await createSibling('--existing', existing, '--description', 'mine now')
      expect(refused.status).toBe(1)
      expect(refused.stderr).toMatch(/^riastore: [^\n]*it was not touched\n$/m)
      expect(refused.stderr).toContain(`belongs to the dataset ${first}`)
    }
    expect((await gitlab.project(project))?.description).toBe(owner?.description)
    expect(await repo.config('remote.gitlab.url')).toBeUndefined()
  })

  test('subdatasets get projects in missing groups, and datalad push -r publishes them', async () => {
    await repo.datalad('create', '-d', '.', 'sub/inner')
    const made = await createSibling('-r', '--json')
    expect(made.status, explain(made)).toBe(0)
    await repo.datalad('push', '--to', 'gitlab', '-r')
    for (const [name, path] of [
      ['project', '.'],
      ['sub-inner', 'sub/inner'],
    ] as const) {
      await expect.poll(() => gitlab.project(`${project}/${name}`), SOON).toMatchObject({ empty_repo: false })
      const head = (await repo.git('-C', path, 'rev-parse', 'main')).stdout.trim()
      expect((await repo.git('-C', path, 'ls-remote', 'gitlab', 'refs/heads/main')).stdout).toContain(head)
    }
  })

  test('the default branch that a push of git-annex alone brought is mended', async () => {
    await createSibling()
    await repo.git('push', '-q', 'gitlab', 'git-annex')
    await expect.poll(() => gitlab.project(project), SOON).toMatchObject({ default_branch: 'git-annex' })
    await repo.git('push', '-q', 'gitlab', 'main')
    const mended = await createSibling('--existing', 'reconfigure', '--default-branch', 'main')
    expect(mended.status, explain(mended)).toBe(0)
    expect(await gitlab.project(project)).toMatchObject({ default_branch: 'main' })
  })

  test('a project that GitLab made by itself, as something was pushed to a mistyped path, is not taken for ours', async () => {
    await repo.git('push', '-q', `${gitlab.url}/${project}.git`, 'main')
    const refused = await createSibling('--existing', 'reconfigure')
    expect(refused.status).toBe(1)
    expect(refused.stderr).toMatch(/a project with commits already, and it does not say whose it is/)
  })

  test('a token that GitLab does not know ends it in one line, without the token', async () => {
    const wrong = 'glpat-not-known-anywhere'
    const refused = await run('riastore', ['create-sibling-gitlab', '--gitlab', gitlab.url, project], {
      cwd: repo.path,
      env: { ...env, GITLAB_TOKEN: wrong },
    })
    expect(refused.status).toBe(1)
    expect(refused.stderr).toMatch(
      /^riastore: GET [^\n]*does not know the token \(401\); it came from GITLAB_TOKEN[^\n]*\n$/,
    )
    expect(refused.stdout + refused.stderr).not.toContain(wrong)
    expect(await repo.config('remote.gitlab.annex-ignore')).toBeUndefined()
  })
})

test('killed at any of its requests, it finishes when it is given again: one project, the same settings', async () => {
  // One that tells when it is asked: a real one would not.
  const server = await startGitLab({ directory: workspace.path('killed') })
  workspace.onRemove(() => server.close())
  const args = (path: string) => ['create-sibling-gitlab', '--gitlab', server.url, path, '--json']
  const options = { cwd: repo.path, env: { ...env, GITLAB_TOKEN: server.token } }
  let isOver = false
  for (let at = 0; !isOver; at++) {
    await repo.try('git', 'config', '--remove-section', 'remote.gitlab')
    const group = `group${at}`
    server.addGroup(group)
    server.reset()
    const running = start('riastore', args(`${group}/a/b/ds`), options)
    // The request is carried out all the same: nobody is there any more to hear of it.
    server.fault({ on: '', after: at, meanwhile: () => running.killGroup('SIGKILL') })
    isOver = (await running.done).status === 0
    await expect.poll(() => server.requests.length, SOON).toBeGreaterThanOrEqual(isOver ? at : at + 1)
    server.reset()
    const again = await run('riastore', args(`${group}/a/b/ds`), options)
    expect(again.status, explain(again)).toBe(0)
    const made = server.state.projects.filter(({ path, owner }) => path === 'ds' && fullPath(owner) === `${group}/a/b`)
    expect(made).toMatchObject([{ description: `DataLad dataset ${await datasetId(repo)}`, visibility: 'private' }])
    expect((await repo.git('config', '--get-regexp', '^remote.gitlab')).stdout.trim().split('\n')).toEqual([
      'remote.gitlab.annex-ignore true',
      'remote.gitlab.fetch +refs/heads/*:refs/remotes/gitlab/*',
      `remote.gitlab.url ${server.url}/${group}/a/b/ds.git`,
    ])
    if (isOver) expect(at).toBeGreaterThan(7)
  }
})
