import { randomUUID } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Interrupted } from '../../../../src/cli/terminal.ts'
import { Dataset } from '../../../../src/setup/dataset.ts'
import { createGitLabSibling } from '../../../../src/setup/gitlab/create.ts'
import { useGitLab } from '../../../support/gitlab/bench.ts'
import { objectsOf, riastore } from '../../../support/programs/console-double.ts'
import { systemPath } from '../../../support/programs/programs.ts'
import { runOk } from '../../../support/programs/run.ts'
import { temporaryDirectory } from '../../../support/stores/stores.ts'

const bench = useGitLab()

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let path: string
let id: string
let group: string
let count = 0

beforeEach(async () => {
  directory = await temporaryDirectory()
  for (const name of Object.keys(process.env)) if (/^GIT_|^PYTHON_GITLAB/.test(name)) vi.stubEnv(name, undefined)
  vi.stubEnv('HOME', directory.path)
  vi.stubEnv('PATH', systemPath)
  vi.stubEnv('GIT_CONFIG_NOSYSTEM', '1')
  vi.stubEnv('GITLAB_TOKEN', bench.gitlab.token)
  path = join(directory.path, 'ds')
  id = await makeDataset(path)
  count += 1
  group = `lab${count}`
  bench.gitlab.addGroup(group, { visibility: 'internal' })
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await directory.remove()
})

/** What of a dataset counts here: a repository with an id. */
async function makeDataset(at: string): Promise<string> {
  const datasetId = randomUUID()
  await runOk('git', ['init', '-q', at])
  await mkdir(join(at, '.datalad'))
  await writeFile(join(at, '.datalad/config'), `[datalad "dataset"]\n\tid = ${datasetId}\n`)
  return datasetId
}

/** Registers a repository below the dataset as its subdataset. */
async function addSubdataset(below: string): Promise<string> {
  await mkdir(dirname(join(path, below)), { recursive: true })
  const datasetId = await makeDataset(join(path, below))
  await runOk('git', ['config', '-f', '.gitmodules', `submodule.${below}.path`, below], { cwd: path })
  return datasetId
}

const command = (project: string, ...more: string[]) =>
  riastore(['create-sibling-gitlab', '--gitlab', bench.gitlab.url, '-d', path, project, ...more])
const config = (at = path) => readFile(join(at, '.git/config'), 'utf8')
const remote = async (name = 'gitlab', at = path) => {
  const listed = await runOk('git', ['config', '--get-regexp', `^remote\\.${name}\\.`], { cwd: at })
  return Object.fromEntries(
    listed.stdout
      .trim()
      .split('\n')
      .map((line) => [line.slice(`remote.${name}.`.length).split(' ')[0], line.slice(line.indexOf(' ') + 1)]),
  )
}
const changes = () => bench.gitlab.requests.filter(({ method }) => method !== 'GET')

describe('riastore create-sibling-gitlab', () => {
  test('makes the project and the remote, and says so without the token', async () => {
    const ran = await command(`${group}/eeg`, '--description', 'Our EEG', '--topic', 'eeg', '--topic', 'datalad')
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(ran.stdout).toMatch(/^ {2}http:\/\/127[^\n]*: as owner, with the token from GITLAB_TOKEN\n/)
    expect(ran.stdout).toContain(`${path}: set up in ${bench.gitlab.url}/${group}/eeg\n`)
    expect(ran.stdout + (await config())).not.toContain(bench.gitlab.token)
    expect(bench.gitlab.project(`${group}/eeg`)).toMatchObject({
      description: `Our EEG\n\nDataLad dataset ${id}`,
      topics: ['eeg', 'datalad'],
      visibility: 'private',
    })
    expect(await remote()).toEqual({
      'annex-ignore': 'true',
      fetch: '+refs/heads/*:refs/remotes/gitlab/*',
      url: `${bench.gitlab.url}/${group}/eeg.git`,
    })
    // git-annex must not see the remote before it is told to leave it alone.
    expect(await config()).toMatch(/\[remote "gitlab"\]\n\tannex-ignore = true\n/)
  })

  test('changes nothing when it is given again', async () => {
    await command(`${group}/eeg`)
    const before = await config()
    bench.gitlab.reset()
    expect(await command(`${group}/eeg`)).toMatchObject({ code: 0 })
    expect(await config()).toBe(before)
    expect(changes()).toEqual([])
  })

  test.each([
    ['ssh', { url: 'git@127.0.0.1:GROUP/eeg.git' }],
    ['ssh+https', { url: 'URL/GROUP/eeg.git', pushurl: 'git@127.0.0.1:GROUP/eeg.git' }],
    ['ssh+http', { url: 'URL/GROUP/eeg.git', pushurl: 'git@127.0.0.1:GROUP/eeg.git' }],
    ['http', { url: 'URL/GROUP/eeg.git' }],
  ])('--access %s', async (access, expected) => {
    expect(await command(`${group}/eeg`, '--access', access)).toMatchObject({ code: 0 })
    const filled = Object.entries(expected).map(([key, value]) => [
      key,
      value.replace('URL', bench.gitlab.url).replace('GROUP', group),
    ])
    const { 'annex-ignore': ignored, fetch, ...urls } = await remote()
    expect(urls).toEqual(Object.fromEntries(filled))
    expect(ignored).toBe('true')
  })

  test('--publish-depends is set once, and asks for a sibling that is there', async () => {
    const ran = await command(`${group}/eeg`, '--publish-depends', 'store')
    expect(ran).toMatchObject({ code: 2, stdout: '' })
    expect(ran.stderr).toMatch(/has no sibling store that gitlab could depend on/)
    expect(bench.gitlab.requests).toEqual([])
    await runOk('git', ['remote', 'add', 'store', '/store'], { cwd: path })
    for (let time = 0; time < 2; time++) await command(`${group}/eeg`, '--publish-depends', 'store')
    expect((await config()).match(/datalad-publish-depends = store/g)).toHaveLength(1)
  })

  test('--dry-run tells what would be made, and changes nothing', async () => {
    const before = await config()
    const ran = await command(`${group}/a/b/eeg`, '--dry-run')
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(ran.stdout).toContain(`would make the group ${group}/a\n  would make the group ${group}/a/b\n`)
    expect(ran.stdout).toContain(`would make the project ${group}/a/b/eeg\n`)
    expect(await config()).toBe(before)
    expect(changes()).toEqual([])
  })

  test('--json prints an object for each dataset, and nothing but objects on stdout', async () => {
    const sub = await addSubdataset('sub/ds')
    const ran = await command(`${group}/study`, '-r', '--json')
    expect(ran.code).toBe(0)
    const lines = objectsOf(ran, 'sibling')
    expect(lines).toMatchObject([
      {
        action: 'create-sibling-gitlab',
        path,
        id,
        project: `${group}/study/project`,
        status: 'made',
        madeGroups: [`${group}/study`],
      },
      { path: join(path, 'sub/ds'), id: sub, project: `${group}/study/sub-ds`, status: 'made', madeGroups: [] },
    ])
    expect(lines[1]?.url).toBe(`${bench.gitlab.url}/${group}/study/sub-ds.git`)
  })

  test('--no-create-groups makes no groups', async () => {
    const ran = await command(`${group}/a/eeg`, '--no-create-groups')
    expect(ran.code).toBe(1)
    expect(ran.stderr).toMatch(/there is no group lab\d+\/a .*groups are not to be made/)
  })

  test.each([
    [['lab/a--b'], /GitLab has no project "a--b"/],
    [['lab/x', '-s', 'a/../b'], /no name for a sibling/],
    [['lab/x', '--visibility', 'secret'], /one of private, internal, public/],
    [['lab/x', '--access', 'ftp'], /one of https, ssh/],
  ])('%j is refused in one line, and nothing is changed', async ([project = '', ...more], reason) => {
    const before = await config()
    const ran = await command(project, ...more)
    expect(ran).toMatchObject({ code: 2, stdout: '' })
    expect(ran.stderr).toMatch(reason)
    expect(await config()).toBe(before)
    expect(bench.gitlab.requests).toEqual([])
  })

  test('a GitLab that the token would be sent to unencrypted is refused', async () => {
    const ask = (...more: string[]) =>
      riastore(['create-sibling-gitlab', '-d', path, 'lab/x', '--gitlab', 'http://gitlab.invalid', ...more])
    expect((await ask()).stderr).toMatch(/^riastore: [^\n]*would be sent unencrypted[^\n]*--allow-http[^\n]*\n$/)
  })

  test.each([
    [['create-sibling-gitlab', '--gitlab', 'https://gitlab.example.org'], /which project\?/],
    [['create-sibling-gitlab', 'lab/x'], /which GitLab\?/],
  ])('%j asks for what is missing', async (args, reason) => {
    const ran = await riastore(args)
    expect(ran).toMatchObject({ code: 2, stdout: '' })
    expect(ran.stderr).toMatch(reason)
  })

  test('a repository that is no dataset of DataLad is refused', async () => {
    await writeFile(join(path, '.datalad/config'), '')
    const ran = await command(`${group}/eeg`)
    expect(ran.stderr).toMatch(/is no dataset of DataLad: it has no id/)
    expect(bench.gitlab.requests).toEqual([])
  })

  test('Ctrl-C ends it while GitLab is slow', async () => {
    const stop = new AbortController()
    bench.gitlab.fault({ on: 'POST /projects', how: 'silent' })
    const args = ['create-sibling-gitlab', '-d', path, '--gitlab', bench.gitlab.url, `${group}/eeg`]
    const ran = riastore(args, { signal: stop.signal })
    await expect.poll(() => changes()).toHaveLength(1)
    stop.abort(new Interrupted('SIGINT'))
    expect(await ran).toMatchObject({ code: 130, stderr: '' })
  })

  test('without a token the ways to give one are told', async () => {
    vi.stubEnv('GITLAB_TOKEN', '')
    const ran = await command(`${group}/eeg`)
    expect(ran.code).toBe(2)
    expect(ran.stderr).toMatch(/no access token for 127\.0\.0\.1:\d+: set GITLAB_TOKEN/)
  })
})

describe('a sibling that is there', () => {
  const add = (url: string) => runOk('git', ['remote', 'add', 'gitlab', url], { cwd: path })

  test.each(['https://github.com/lab/eeg.git', 'https://me:glpat-hidden@gitlab.example.org/other/eeg.git'])(
    'and leads elsewhere (%s) is left alone, before anything is made',
    async (url) => {
      await add(url)
      const before = await config()
      const ran = await command(`${group}/eeg`)
      expect(ran.code).toBe(2)
      expect(ran.stderr).toMatch(/the sibling gitlab leads to .*: reconfigure it, or give another name/)
      expect(ran.stderr).not.toContain('glpat-hidden')
      expect(await config()).toBe(before)
      expect(bench.gitlab.requests).toEqual([])
    },
  )

  test('is pointed to the project with --existing reconfigure', async () => {
    await add('https://github.com/lab/eeg.git')
    await runOk('git', ['config', 'remote.gitlab.pushurl', 'https://github.com/lab/eeg.git'], { cwd: path })
    expect(await command(`${group}/eeg`, '--existing', 'reconfigure')).toMatchObject({ code: 0 })
    expect(await remote()).toMatchObject({ url: `${bench.gitlab.url}/${group}/eeg.git`, 'annex-ignore': 'true' })
    expect(await remote()).not.toHaveProperty('pushurl')
  })

  test('is left alone with --existing skip, and GitLab is not asked', async () => {
    await add('https://github.com/lab/eeg.git')
    const ran = await command(`${group}/eeg`, '--existing', 'skip')
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(ran.stdout).toMatch(/has a sibling gitlab already, which was left alone/)
    expect(bench.gitlab.requests).toEqual([])
  })

  test('and is what a run that died left, is completed', async () => {
    await runOk('git', ['config', 'remote.gitlab.annex-ignore', 'true'], { cwd: path })
    expect(await command(`${group}/eeg`)).toMatchObject({ code: 0 })
    expect(await remote()).toMatchObject({ url: `${bench.gitlab.url}/${group}/eeg.git` })
  })

  test('and is a special remote is left alone', async () => {
    await runOk('git', ['config', 'remote.gitlab.annex-externaltype', 'ora'], { cwd: path })
    expect((await command(`${group}/eeg`)).stderr).toMatch(/gitlab is a special remote already/)
    expect(bench.gitlab.requests).toEqual([])
  })

  test('and whose annex-ignore was set by its owner keeps it', async () => {
    await add(`${bench.gitlab.url}/${group}/eeg.git`)
    await runOk('git', ['config', 'remote.gitlab.annex-ignore', 'false'], { cwd: path })
    await command(`${group}/eeg`)
    expect(await remote()).toMatchObject({ 'annex-ignore': 'false' })
  })

  test('keeps its remote when the project turns out to be another dataset’s', async () => {
    await bench.gitlab.addProject(`${group}/eeg`, { description: `DataLad dataset ${randomUUID()}` })
    const before = await config()
    const ran = await command(`${group}/eeg`, '--existing', 'reconfigure')
    expect(ran.code).toBe(1)
    expect(ran.stderr).toMatch(/^riastore: [^\n]*belongs to the dataset [^\n]*it was not touched\n$/)
    expect(await config()).toBe(before)
  })
})

describe('subdatasets', () => {
  test('layout flat: below one group, their paths behind the name of the root', async () => {
    await addSubdataset('sub/ds')
    expect(await command(`${group}/study`, '-r', '--layout', 'flat')).toMatchObject({ code: 0 })
    expect(bench.gitlab.project(`${group}/study`)).toBeDefined()
    expect(bench.gitlab.project(`${group}/study-sub-ds`)).toBeDefined()
    expect((await remote('gitlab', join(path, 'sub/ds'))).url).toBe(`${bench.gitlab.url}/${group}/study-sub-ds.git`)
  })

  test('layout collection without -r places the dataset itself', async () => {
    await addSubdataset('sub')
    expect(await command(`${group}/study`, '--layout', 'collection')).toMatchObject({ code: 0 })
    expect(bench.gitlab.project(`${group}/study/project`)).toBeDefined()
    expect(bench.gitlab.project(`${group}/study/sub`)).toBeUndefined()
  })

  test('two that would have one project are refused before anything is made', async () => {
    await addSubdataset('a-b/c')
    await addSubdataset('a/b-c')
    const ran = await command(`${group}/study`, '-r')
    expect(ran.stderr).toMatch(/a-b\/c and .*a\/b-c would have one project, lab\d+\/study\/a-b-c/)
    expect(bench.gitlab.requests).toEqual([])
  })

  test('one whose path makes no name for GitLab is refused before anything is made', async () => {
    await addSubdataset('raw data')
    expect((await command(`${group}/study`, '-r')).stderr).toMatch(/GitLab has no project "raw data"/)
    expect(bench.gitlab.requests).toEqual([])
  })

  test('after a failure half-way the same command finishes', async () => {
    await addSubdataset('one')
    await addSubdataset('two')
    const answer = { status: 403, body: { message: '403 Forbidden' } }
    bench.gitlab.fault({ on: 'POST /projects', after: 1, answer })
    const first = await command(`${group}/study`, '-r', '--json')
    expect(first.code).toBe(1)
    expect(objectsOf(first, 'sibling')).toHaveLength(1)
    const second = await command(`${group}/study`, '-r', '--json')
    expect(second.code).toBe(0)
    expect(objectsOf(second, 'sibling').map(({ status }) => status)).toEqual(['found', 'made', 'made'])
  })
})

test('an address for git that is none is not given to git', async () => {
  bench.gitlab.fault({
    on: 'GET /projects',
    answer: {
      status: 200,
      body: {
        ...{ id: 1, name: 'eeg', path: 'eeg', path_with_namespace: `${group}/eeg`, web_url: 'https://x' },
        description: `DataLad dataset ${id}`,
        http_url_to_repo: 'ext::sh -c evil',
        ssh_url_to_repo: '-oProxyCommand=evil',
      },
    },
  })
  const dataset = await Dataset.open(path)
  const made = createGitLabSibling(dataset, { gitlab: bench.gitlab.url, project: `${group}/eeg` })
  await expect(made).rejects.toThrow(/has no address for git by https/)
  expect(await config()).not.toContain('evil')
})

test('GITLAB_TOKEN is not sent to a GitLab that the dataset names', async () => {
  const dataset = await Dataset.open(path)
  const options = { gitlab: bench.gitlab.url, project: `${group}/eeg`, isUrlFromDataset: true }
  await expect(createGitLabSibling(dataset, options)).rejects.toThrow(/no access token/)
  expect(bench.gitlab.requests).toEqual([])
})
