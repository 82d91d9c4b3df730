import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname } from 'node:path'
import { PutBucketPolicyCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { datasetDirectory, keyPaths } from '../../src/ria/layout/paths.ts'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { explain, type Result, run, runOk } from '../support/programs/run.ts'
import { type AnnexRepo, cloneAnnexRepo, makeAnnexRepo } from '../support/repos/annex-repo.ts'
import { initRemote } from '../support/repos/ria-store.ts'
import type { S3Account } from '../support/servers/ceph-rgw.ts'
import { policyForAll, type TestS3, useTestS3, withAccount } from '../support/servers/s3.ts'
import { freePort } from '../support/servers/sshd.ts'
import { variants } from '../support/shared/variants.ts'
import { paths, read, write } from '../support/stores/stores.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

const PREFIX = 'a store'

let workspace: Workspace
let ceph: TestS3
let bucket: Store
let repo: AnnexRepo

beforeAll(async () => {
  workspace = await makeWorkspace()
  ceph = await useTestS3()
  bucket = await openBucket(ceph.bucket)
  repo = (await makeAnnexRepo(workspace, 'repo')).with({ env: withKeys(ceph.account) })
})
afterAll(() => workspace?.remove())

const withKeys = (account: S3Account): NodeJS.ProcessEnv => withAccount(workspace.env, account)
const withoutKeys = (): NodeJS.ProcessEnv => withAccount(workspace.env)

/** The store in a bucket, with its layout file. */
async function openBucket(name: string): Promise<Store> {
  const location = { scheme: 's3+http', endpoint: ceph.endpoint, bucket: name, prefix: PREFIX } as const
  const store = await openStore(location, { stallMs: 30_000, ssh: 'auto', s3: { credentials: ceph.account } })
  workspace.onRemove(() => store.close())
  await write(store, 'ria-layout-version', '1\n')
  return store
}

async function addDataset(store: Store, id: string): Promise<string> {
  await write(store, `${datasetDirectory(id)}/ria-layout-version`, '2\n')
  return id
}

function url(name = ceph.bucket, host = `127.0.0.1:${ceph.port}`): string {
  return `ria+s3+http://${host}/${name}/${encodeURIComponent(PREFIX)}`
}

/** The keys that lie in a dataset, and whatever else but its layout file, by their names. */
async function keysOf(id: string): Promise<string[]> {
  const directory = `${datasetDirectory(id)}/`
  const files = (await paths(bucket, '')).filter((path) => path.startsWith(directory))
  return files.map((path) => path.replace(/^.*\//, '')).filter((name) => name !== 'ria-layout-version')
}

function expectNoSecret(text: string): void {
  expect(text).not.toContain(ceph.account.secretAccessKey)
  expect(text).not.toMatch(/signature=|x-amz-security-token/i)
}

const said = ({ stdout, stderr }: Result) => stdout + stderr

describe('keys in a real Ceph', () => {
  const files: Record<string, Uint8Array> = {}
  const keys = new Map<string, string>()
  for (let i = 0; i < 16; i++) files[`file ${i}.dat`] = Buffer.concat([Buffer.from(`${i} `), randomBytes(i * 700)])
  files['large.bin'] = randomBytes(11 * 1024 ** 2 + 5)
  const id = 'keys-0001-of-the-dataset'
  let remote: string

  beforeAll(async () => {
    await repo.add(files)
    const found = (await repo.annex('find', '--json')).stdout.trim().split('\n')
    for (const line of found) {
      const { file, key } = JSON.parse(line)
      keys.set(file, key)
    }
    expect(keys.size).toBe(Object.keys(files).length)
    remote = await initRemote(repo, url(), await addDataset(bucket, id), { settings: { partsize: '5MiB' } })
  })

  test('making the remote leaves nothing in the bucket but what was there', async () => {
    expect(await keysOf(id)).toEqual([])
  })

  test('are stored, checked, dropped here, got and dropped there by four jobs', async () => {
    await repo.annex('copy', '--to', remote, '-J4')
    expect((await keysOf(id)).sort()).toEqual([...keys.values()].sort())
    for (const [file, key] of keys) {
      const [path = ''] = keyPaths(datasetDirectory(id), '2', key)
      expect((await read(bucket, path)).equals(files[file] ?? Buffer.alloc(0)), file).toBe(true)
    }
    await repo.annex('fsck', '--from', remote, '--fast', '-J4')
    await repo.annex('drop', '-J4')
    await repo.annex('get', '-J4', '--from', remote)
    for (const [file, content] of Object.entries(files))
      expect((await repo.read(file)).equals(content), file).toBe(true)
    await repo.annex('fsck', '--from', remote, '-J4', 'file 1.dat', 'file 2.dat', 'large.bin')
    await repo.annex('drop', '--from', remote, '-J4')
    expect(await keysOf(id)).toEqual([])
    expect((await repo.checkPresent('file 1.dat', remote)).presence).toBe('absent')
  })

  test('git annex info tells of the store', async () => {
    expect((await repo.annex('info', remote)).stdout).toContain(url())
  })

  test('are read from an archive', async () => {
    const archived = await addDataset(bucket, 'archived-0001')
    const directory = workspace.path('archive')
    for (const [file, key] of keys) {
      const [path = ''] = keyPaths('', '2', key)
      const member = `${directory}/${path.replace('/annex/objects/', '')}`
      await mkdir(dirname(member), { recursive: true })
      await writeFile(member, await repo.read(file))
    }
    await runOk('7z', ['a', '-bd', '-mx=1', 'archive.7z', '.'], { cwd: directory })
    await write(bucket, `${datasetDirectory(archived)}/archives/archive.7z`, await readFile(`${directory}/archive.7z`))
    const name = await initRemote(repo, url(), archived, { name: 'archived' })
    await repo.annex('fsck', '--from', name, '--fast', '-J4')
    await repo.annex('drop', '--force', '-J4')
    await repo.annex('get', '-J4', '--from', name)
    for (const [file, content] of Object.entries(files))
      expect((await repo.read(file)).equals(content), file).toBe(true)
  })
})

describe('git annex testremote --fast passes', () => {
  const plain = ['plain', {}] as const
  // What is encrypted and cut by git-annex is to the store a key like others.
  const all = [plain, ['encrypted', { encryption: 'shared', chunk: '1MiB' }]] as const
  test.each(variants([plain], all))('%s', async (name, settings) => {
    const id = await addDataset(bucket, `testremote-${name}`)
    const remote = await initRemote(repo, url(), id, { name, settings })
    const result = await repo.tryAnnex('testremote', remote, '--fast')
    expect(result.status, explain(result)).toBe(0)
    expect(result.stdout).toMatch(/All \d+ tests passed/)
    expect(await keysOf(id)).toEqual([])
  })
})

describe('what cannot be asked is unknown, never absent, told in one line without a secret:', () => {
  let remote: string
  beforeAll(async () => {
    await repo.add({ 'asked.txt': 'asked for\n' })
    remote = await initRemote(repo, url(), await addDataset(bucket, 'asked-0001'), { name: 'asked' })
    await repo.annex('copy', '--to', remote, 'asked.txt')
  })

  const wrong = { accessKeyId: 'RIASTORETESTKEY00001', secretAccessKey: 'wrong-secret-of-nobody' }
  test.each<[string, RegExp, () => Promise<{ readonly env?: NodeJS.ProcessEnv; readonly url?: string }>]>([
    ['a wrong secret', /secret key does not belong|denies access/, async () => ({ env: withKeys(wrong) })],
    [
      'no credentials that git-annex could have',
      /denies access .*no AWS credentials/,
      async () => ({ env: withoutKeys() }),
    ],
    ['no such bucket', /there is no bucket nowhere at/, async () => ({ url: url('nowhere') })],
    ['a wrong port', /ECONNREFUSED|refused/, async () => ({ url: url(ceph.bucket, `127.0.0.1:${await freePort()}`) })],
  ])('%s', async (what, message, circumstances) => {
    const { env = withKeys(ceph.account), url } = await circumstances()
    const other = repo.with({ env: { ...env, RIASTORE_DEBUG: '1' } })
    if (what.startsWith('no credentials')) await runOk('rm', ['-rf', `${repo.path}/.git/annex/creds`], {})
    if (url) await repo.setConfig(`remote.${remote}.ora-url`, url)
    try {
      const key = await repo.key('asked.txt')
      const { presence, result } = await other.checkPresentKey(key, remote)
      expect(presence, explain(result)).toBe('unknown')
      const lines = result.stderr.split('\n').filter((line) => line !== '' && !line.startsWith('riastore: '))
      expect(
        lines.filter((line) => message.test(line)),
        explain(result),
      ).toHaveLength(1)
      expect(lines, explain(result)).toHaveLength(1)
      expectNoSecret(said(result))
      expect(said(result)).not.toContain(wrong.secretAccessKey)
    } finally {
      if (url) await repo.git('config', '--unset', `remote.${remote}.ora-url`)
    }
  })

  test('and what is there is found as soon as it can be asked', async () => {
    expect((await repo.checkPresent('asked.txt', remote)).presence).toBe('present')
  })
})

describe('credentials', () => {
  test('in the environment of initremote are kept by git-annex, and enough from then on; they show nowhere', async () => {
    const id = await addDataset(bucket, 'kept-0001')
    const settings = ['type=external', 'externaltype=ora', 'encryption=none', `url=${url()}`, `archive-id=${id}`]
    const debugging = repo.with({ env: { ...withKeys(ceph.account), RIASTORE_DEBUG: '1' } })
    const made = await debugging.tryAnnex('initremote', 'kept', ...settings)
    expect(made.status, explain(made)).toBe(0)
    await repo.add({ 'kept.txt': 'kept\n' })
    const bare = repo.with({ env: { ...withoutKeys(), RIASTORE_DEBUG: '1' } })
    const copied = await bare.tryAnnex('copy', '--to', 'kept', 'kept.txt', '-J2')
    expect(copied.status, explain(copied)).toBe(0)
    const info = await bare.tryAnnex('info', 'kept')
    for (const result of [made, copied, info]) expectNoSecret(said(result))
    await repo.annex('merge')
    expectNoSecret((await repo.git('log', '--all', '-p')).stdout)
    const holders = await run('grep', ['-rl', ceph.account.secretAccessKey, repo.path])
    for (const file of holders.stdout.trim().split('\n')) expect(file).toContain('/.git/annex/creds/')
  })

  test('show with --debug in the line of git-annex’s own that hands them to us, and in none of ours', async () => {
    const bare = repo.with({ env: { ...withoutKeys(), RIASTORE_DEBUG: '1' } })
    const result = await bare.tryAnnex('--debug', 'fsck', '--fast', '--from', 'kept', 'kept.txt')
    expect(result.status, explain(result)).toBe(0)
    const lines = said(result).split('\n')
    const handedOver = / <-- (J \d+ )?CREDS /
    expect(lines.filter((line) => handedOver.test(line))).toHaveLength(1)
    expectNoSecret(lines.filter((line) => !handedOver.test(line)).join('\n'))
  })

  test('are not asked of git-annex where AWS has some', async () => {
    const result = await repo.annex('--debug', 'fsck', '--fast', '--from', 'kept', 'kept.txt')
    expect(said(result)).toContain('CHECKPRESENT')
    expect(said(result)).not.toContain('GETCREDS')
  })
})

describe('a bucket that everybody may read, and only its owner may write,', () => {
  const id = 'public-0001'
  let clone: AnnexRepo
  let Bucket: string
  beforeAll(async () => {
    Bucket = await ceph.makeBucket('public')
    await addDataset(await openBucket(Bucket), id)
    const Policy = policyForAll(Bucket, ['s3:GetObject', 's3:ListBucket'])
    await ceph.client().send(new PutBucketPolicyCommand({ Bucket, Policy }))
    await repo.add({ 'public.txt': 'for all\n' })
    await initRemote(repo, url(Bucket), id, { name: 'public' })
    await repo.annex('copy', '--to', 'public', 'public.txt')
    await repo.annex('merge')
    clone = await cloneAnnexRepo(repo, 'clone', { env: withoutKeys() })
  })

  test('can be enabled and read without credentials', async () => {
    await clone.enableRemote('public')
    await clone.annex('get', '--from', 'public', 'public.txt')
    expect((await clone.read('public.txt')).toString()).toBe('for all\n')
  })

  test('can be enabled without credentials also as another way to the same remote', async () => {
    const settings = ['type=external', 'externaltype=ora', `url=${url(Bucket)}`, `archive-id=${id}`]
    await repo.annex('initremote', '--sameas=public', 'same', ...settings)
    await repo.annex('merge')
    await clone.git('fetch', '-q', 'origin')
    await clone.enableRemote('same')
    expect((await clone.checkPresent('public.txt', 'same')).presence).toBe('present')
  })

  test('says why nothing can be stored there', async () => {
    await clone.add({ 'mine.txt': 'mine\n' })
    const result = await clone.tryAnnex('copy', '--to', 'public', 'mine.txt')
    expect(result.status).toBe(1)
    expect(said(result)).toMatch(/denies access \(AccessDenied\), and no AWS credentials were found/)
  })

  test('is refused by initremote without credentials', async () => {
    const result = await initialize(clone, `url=${url(Bucket)}`, `archive-id=${id}`)
    expect(said(result)).toMatch(/the store cannot be written to: .* denies access/)
  })
})

/** Tries to make a remote, which has to fail and to leave nothing behind. */
async function initialize(where: AnnexRepo, ...settings: string[]): Promise<Result> {
  const result = await where.tryAnnex(
    'initremote',
    'refused',
    'type=external',
    'externaltype=ora',
    'encryption=none',
    ...settings,
  )
  expect(result.status, explain(result)).toBe(1)
  expectNoSecret(said(result))
  expect(await where.config('remote.refused.annex-uuid')).toBeUndefined()
  const log = await where.try('git', 'cat-file', 'blob', 'git-annex:remote.log')
  expect(log.stdout).not.toContain('name=refused')
  return result
}

describe('initremote refuses', () => {
  const senseless = [
    ['partsize', '1MiB'],
    ['requeststyle', 'dns'],
    ['region', 'no region'],
    ['storageclass', 'A,B'],
  ] as const
  // What each says: test/ria/settings/.
  test.each(variants(senseless.slice(0, 1), senseless))('%s=%s', async (name, value) => {
    const before = await paths(bucket, '')
    const result = await initialize(repo, `url=${url()}`, 'archive-id=kept-0001', `${name}=${value}`)
    expect(result.stderr).toContain(`${name} is "${value}"`)
    expect(await paths(bucket, '')).toEqual(before)
  })

  test('a web console that answers 200 to everything', async () => {
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Welcome to the console</html>')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
      const result = await initialize(repo, `url=${url(ceph.bucket, host)}`, 'archive-id=kept-0001')
      expect(said(result)).toMatch(/does not answer like an S3 server/)
    } finally {
      server.close()
    }
  })
})

test('the settings show in initremote --whatelse', async () => {
  const { stdout } = await repo.annex('initremote', 'any', 'type=external', 'externaltype=ora', '--whatelse')
  const names = ['region', 'storageclass', 'storageclassminsize', 'acl', 'serversideencryption', 'ssekmskeyid']
  for (const name of [...names, 'restoredays', 'restoretier', 'partsize', 'requeststyle']) {
    expect(stdout).toContain(`${name}\n`)
  }
})
