import { readdir } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { explain, run } from '../support/programs/run.ts'
import { type AnnexRepo, cloneAnnexRepo, makeAnnexRepo } from '../support/repos/annex-repo.ts'
import { makeS3Scene, type S3Scene } from '../support/worlds/s3-scene.ts'
import { riastoreProgram } from '../support/worlds/sibling-scene.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

/**
 * A dataset of somebody else, whose storage sibling leads to a server of theirs, and is enabled in
 * every clone.
 */
let foreign: AnnexRepo
let workspace: Workspace
let scene: S3Scene
let id: string

beforeAll(async () => {
  workspace = await makeWorkspace()
  scene = await makeS3Scene(workspace)
  id = await scene.addDataset('foreign-0001')
  foreign = (await makeAnnexRepo(workspace, 'foreign')).with({ env: scene.env })
  await foreign.add({ 'a.txt': 'a\n' })
  await initRemote(foreign, 'theirs', 'autoenable=true')
  await foreign.annex('copy', '--to', 'theirs', 'a.txt')
  // What our own program would not write, somebody else's may: the keys of whoever enables it are
  // to be committed.
  await rewriteRemoteLog(foreign, (line) =>
    line.includes('name=theirs') ? line.replace(' ', ' embedcreds=yes ') : line,
  )
})
afterAll(() => workspace?.remove())
beforeEach(() => scene.faults.reset())

function initRemote(repo: AnnexRepo, name: string, ...settings: string[]) {
  const common = ['type=external', 'externaltype=ora', `url=${scene.url}`, `archive-id=${id}`]
  return repo.annex(
    'initremote',
    name,
    ...common,
    ...(settings.some((each) => each.startsWith('encryption=')) ? [] : ['encryption=none']),
    ...settings,
  )
}

async function rewriteRemoteLog(repo: AnnexRepo, change: (line: string) => string): Promise<void> {
  await repo.annex('merge')
  const before = await repo.git('cat-file', 'blob', 'git-annex:remote.log')
  await repo.git('checkout', '-q', 'git-annex')
  await repo.write('remote.log', before.stdout.split('\n').map(change).join('\n'))
  await repo.git('commit', '-q', '-am', 'update')
  await repo.git('checkout', '-q', '-')
}

let clones = 0
/** A clone of a user who has AWS keys of their own in the environment. */
async function clone(options: { readonly config?: readonly (readonly [string, string])[] } = {}): Promise<AnnexRepo> {
  clones += 1
  const path = workspace.path(`clone-${clones}`)
  const env = { ...scene.env }
  options.config?.forEach(([key, value], i) => {
    Object.assign(env, { [`GIT_CONFIG_KEY_${i}`]: key, [`GIT_CONFIG_VALUE_${i}`]: value, GIT_CONFIG_COUNT: `${i + 1}` })
  })
  return cloneAnnexRepo(foreign, path.slice(path.lastIndexOf('/') + 1), { env })
}

/** No key of the user's is in a git-annex branch, in its journal, or kept beside it. */
async function expectKeysNowhere(repo: AnnexRepo): Promise<void> {
  await repo.annex('merge')
  const { AWS_ACCESS_KEY_ID: user = '', AWS_SECRET_ACCESS_KEY: secret = '' } = scene.env
  const remoteLog = (await repo.git('cat-file', 'blob', 'git-annex:remote.log')).stdout
  expect(remoteLog).toContain('embedcreds=yes')
  expect(remoteLog).not.toMatch(/s3creds=/)
  const encoded = Buffer.from(`${user}\n${secret}`).toString('base64').slice(0, 20)
  for (const text of [secret, encoded]) {
    expect((await run('grep', ['-rlF', text, `${repo.path}/.git`])).stdout).toBe('')
  }
  expect(await readdir(`${repo.path}/.git/annex/creds`).catch(() => [])).toEqual([])
}

const signed = () => scene.faults.headers.filter(({ authorization }) => authorization !== undefined)

describe('AWS keys in the environment of who uses a dataset of somebody else', () => {
  test('are committed nowhere, kept nowhere, and used for no request, when its storage sibling is enabled unasked', async () => {
    const repo = await clone()
    await expectKeysNowhere(repo)
    expect(scene.faults.requests).not.toEqual([])
    expect(signed()).toEqual([])
  })

  test('are committed nowhere, kept nowhere, and used for no request, with enableremote, which says how to allow it', async () => {
    const repo = await clone()
    const enabled = await repo.tryAnnex('enableremote', 'theirs')
    expect(enabled.status, explain(enabled)).toBe(1)
    const allow = `git config --add remote.theirs.riastore-s3-endpoint ${scene.faults.endpoint}`
    expect(enabled.stdout + enabled.stderr).toContain(
      `AWS keys of your own are sent to no server that only the dataset names: ${allow}`,
    )
    await expectKeysNowhere(repo)
    expect(signed()).toEqual([])

    await repo.git('config', '--add', 'remote.theirs.riastore-s3-endpoint', `${scene.faults.endpoint}/`)
    await repo.enableRemote('theirs')
    await repo.annex('get', '--from', 'theirs', 'a.txt')
    await expectKeysNowhere(repo)
  })

  test.each<[string, () => (readonly [string, string])[]]>([
    ['a site of the administrator', () => [['riastore.lab.store', scene.url]]],
    ['a remote of theirs', () => [['remote.mine.url', `${scene.url.slice('ria+'.length)}/abc/def`]]],
    ['an address that insteadOf makes', () => [[`url.${scene.url}/.insteadOf`, 'nick:']]],
    ['a local ora-url', () => [['remote.theirs.ora-url', scene.url]]],
  ])('are used where %s names the server', async (_what, config) => {
    const repo = await clone({ config: config() })
    expect(signed()).not.toEqual([])
    await repo.annex('get', '--from', 'theirs', 'a.txt')
    await expectKeysNowhere(repo)
  })

  test("are used for the server that AWS's own configuration names", async () => {
    const repo = (await clone()).with({ env: { ...scene.env, AWS_ENDPOINT_URL_S3: scene.faults.endpoint } })
    await repo.enableRemote('theirs')
    await repo.annex('get', '--from', 'theirs', 'a.txt')
    await expectKeysNowhere(repo)
  })
})

test('riastore get signs nothing for a server that only the dataset names', async () => {
  const repo = await clone()
  // As it was enabled by who could read it without keys.
  for (const [key, value] of [
    ['annex-externaltype', 'ora'],
    ['annex-uuid', await foreign.uuid('theirs')],
    ['annex', 'true'],
  ] as const) {
    await repo.setConfig(`remote.theirs.${key}`, value)
  }
  scene.faults.reset()
  const got = await repo.try(process.execPath, riastoreProgram(workspace), 'get', 'a.txt')
  expect(got.status, explain(got)).not.toBe(0)
  expect(scene.faults.requests, explain(got)).not.toEqual([])
  expect(signed()).toEqual([])
  await repo.setConfig('remote.theirs.riastore-s3-endpoint', scene.faults.endpoint)
  const after = await repo.try(process.execPath, riastoreProgram(workspace), 'get', 'a.txt')
  expect(after.status, explain(after)).toBe(0)
  expect((await repo.read('a.txt')).toString()).toBe('a\n')
})

describe('initremote', () => {
  test('keeps the keys beside the repository, and notes the server that it was given', async () => {
    expect(await foreign.config('remote.theirs.riastore-s3-endpoint')).toBe(scene.faults.endpoint)
    expect(await readdir(`${foreign.path}/.git/annex/creds`)).toHaveLength(1)
    const without = foreign.with({ env: scene.anonymousEnv })
    expect((await without.checkPresent('a.txt', 'theirs')).presence).toBe('present')
  })

  test('commits the keys when its own command line asks for that, and only then', async () => {
    const repo = (await makeAnnexRepo(workspace, 'asking')).with({ env: scene.env })
    await initRemote(repo, 'plain')
    await initRemote(repo, 'asked', 'embedcreds=yes')
    await repo.annex('merge')
    const lines = (await repo.git('cat-file', 'blob', 'git-annex:remote.log')).stdout.split('\n')
    expect(lines.filter((line) => line.includes('s3creds=')).map((line) => /name=(\w+)/.exec(line)?.[1])).toEqual([
      'asked',
    ])
  })

  test('does not have them committed by the default of a gpg key, and says what decides', async () => {
    const repo = (await makeAnnexRepo(workspace, 'with-gpg')).with({
      env: { ...scene.env, GNUPGHOME: workspace.path('gpg') },
    })
    await run('mkdir', ['-m', '700', workspace.path('gpg')])
    const options = [
      '--batch',
      '--passphrase',
      '',
      '--quick-generate-key',
      'test@example.org',
      'default',
      'default',
      'never',
    ]
    const key = await run('gpg', options, { env: { ...scene.env, GNUPGHOME: workspace.path('gpg') } })
    expect(key.status, explain(key)).toBe(0)
    const made = await initRemote(repo, 'hybrid', 'encryption=hybrid', 'keyid=test@example.org')
    expect(made.stdout + made.stderr).toContain('embedcreds=yes or no decides')
    await repo.annex('merge')
    expect((await repo.git('cat-file', 'blob', 'git-annex:remote.log')).stdout).not.toContain('s3creds=')
    await run('gpgconf', ['--kill', 'gpg-agent'], { env: { ...scene.env, GNUPGHOME: workspace.path('gpg') } })
  })
})
