import { randomBytes } from 'node:crypto'
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { datasetDirectory, keyPaths } from '../../src/ria/layout/paths.ts'
import { explain, type Result } from '../support/programs/run.ts'
import { type AnnexRepo, makeAnnexRepo } from '../support/repos/annex-repo.ts'
import { initRemote } from '../support/repos/ria-store.ts'
import { variants } from '../support/shared/variants.ts'
import { paths, read } from '../support/stores/stores.ts'
import { makeS3Scene, type S3Scene } from '../support/worlds/s3-scene.ts'
import { makeWorkspace, type Workspace } from '../support/worlds/workspace.ts'

const MIB = 1024 ** 2
const ID = 'transfer-0001-of-the-dataset'

let workspace: Workspace
let scene: S3Scene
let repo: AnnexRepo
let remote: string

beforeAll(async () => {
  workspace = await makeWorkspace()
  scene = await makeS3Scene(workspace, { layout: '1|l\n' })
  repo = (await makeAnnexRepo(workspace, 'repo')).with({ env: scene.env })
  await repo.add({ 'large.bin': randomBytes(45 * MIB), 'small.txt': 'small\n' })
  // git-annex would start the remote again by itself when some progress was made.
  await repo.setConfig('annex.forward-retry', '0')
  remote = await initRemote(repo, scene.url, await scene.addDataset(ID))
})
afterAll(() => workspace?.remove())
beforeEach(() => scene.faults.reset())

async function uploads(): Promise<number> {
  const { Uploads = [] } = await scene.s3.client().send(new ListMultipartUploadsCommand({ Bucket: scene.s3.bucket }))
  return Uploads.length
}

const logs = async () => (await paths(scene.bucket, 'error_logs')).sort()
const said = ({ stdout, stderr }: Result) => stdout + stderr

describe('an upload in parts', () => {
  test('that the server refuses half-way leaves nothing that costs money', async () => {
    scene.faults.misbehave({ on: /partNumber=3/, status: 403, code: 'QuotaExceeded' })
    const result = await repo.tryAnnex('copy', '--to', remote, 'large.bin')
    expect(result.status, explain(result)).toBe(1)
    expect(said(result)).toMatch(/no space or quota is left/)
    expect(await uploads()).toBe(0)
    expect((await repo.checkPresent('large.bin', remote)).presence).toBe('absent')
  })

  test.each([
    ['Ctrl-C', 'SIGINT'],
    ['the end of its session', 'SIGTERM'],
  ] as const)('that ends by %s leaves nothing that costs money', async (_how, signal) => {
    scene.faults.misbehave({ on: /partNumber=2/, silent: true })
    const running = repo.startAnnex('copy', '--to', remote, 'large.bin')
    const sent = () => scene.faults.requests.filter((request) => /partNumber/.test(request)).length
    await expect.poll(sent).toBe(3)
    expect(await uploads()).toBe(1)
    if (running.child.pid === undefined) throw new Error('it has no pid')
    process.kill(-running.child.pid, signal)
    await running.done
    await expect.poll(uploads).toBe(0)
    expect((await repo.checkPresent('large.bin', remote)).presence).toBe('absent')
  })

  test('is mended part by part when the server is busy, and no byte is lost', async () => {
    scene.faults.misbehave({ on: /partNumber=2/, status: 503, code: 'SlowDown', times: 2 })
    await repo.annex('copy', '--to', remote, 'large.bin')
    expect(scene.faults.requests.filter((request) => /partNumber/.test(request))).toHaveLength(3 + 2)
    await repo.annex('fsck', '--from', remote, 'large.bin')
  })
})

describe('a large download', () => {
  test('comes in parts, and the next run goes on where one was cut', async () => {
    await repo.annex('drop', 'large.bin')
    scene.faults.misbehave({ on: /^GET .*annex/, cutAfter: MIB })
    const failed = await repo.tryAnnex('get', '--from', remote, 'large.bin')
    expect(failed.status, explain(failed)).toBe(1)
    scene.faults.reset()
    await repo.annex('get', '--from', remote, 'large.bin')
    const { requests, headers } = scene.faults
    const ranges = requests.flatMap((request, i) => (/^GET .*annex\/objects/.test(request) ? headers[i]?.range : []))
    expect(ranges[0]).toMatch(/^bytes=[1-9]\d{6,}-$/)
    expect(ranges.length).toBeGreaterThan(3)
    await repo.annex('fsck', 'large.bin')
  })
})

describe('a key in cold storage', () => {
  const freeze = (headers: Record<string, string> = {}) => {
    scene.faults.misbehave({ on: /^GET .*annex\/objects/, status: 403, code: 'InvalidObjectState' })
    const cold = { 'x-amz-storage-class': 'DEEP_ARCHIVE', ...headers }
    scene.faults.misbehave({ on: /^HEAD .*annex\/objects/, headers: cold })
  }
  const restores = () => scene.faults.requests.filter((request) => /^POST .*restore/.test(request))

  test('is present, is asked back when it is to be got, and is got once it is back', async () => {
    await repo.annex('copy', '--to', remote, 'small.txt')
    await repo.annex('drop', 'small.txt')
    freeze()
    scene.faults.misbehave({ on: /^POST .*restore/, status: 202 })
    expect((await repo.checkPresent('small.txt', remote)).presence).toBe('present')
    expect(restores()).toHaveLength(0)
    const asked = await repo.tryAnnex('get', '--from', remote, 'small.txt')
    expect(asked.status).toBe(1)
    expect(said(asked)).toMatch(/cold storage \(DEEP_ARCHIVE\): a restore was requested, which takes about 12 hours/)
    expect(restores()).toHaveLength(1)
    expect(scene.faults.bodies[0]?.body).toMatch(/<Days>7<\/Days>.*<Tier>Standard<\/Tier>/)
    scene.faults.reset()
    freeze({ 'x-amz-restore': 'ongoing-request="true"' })
    const waiting = await repo.tryAnnex('get', '--from', remote, 'small.txt')
    expect(said(waiting)).toMatch(/it is being restored, which can take 48 hours/)
    expect(restores()).toHaveLength(0)
    scene.faults.reset()
    await repo.annex('get', '--from', remote, 'small.txt')
    expect((await repo.read('small.txt')).toString()).toBe('small\n')
  })

  test('is not asked back where restoredays is 0', async () => {
    await repo.enableRemote(remote, 'restoredays=0')
    await repo.annex('drop', 'small.txt')
    freeze()
    const result = await repo.tryAnnex('get', '--from', remote, 'small.txt')
    expect(said(result)).toMatch(/cold storage \(DEEP_ARCHIVE\): it has to be restored before it can be read/)
    expect(restores()).toHaveLength(0)
    scene.faults.reset()
    await repo.enableRemote(remote, 'restoredays=7', 'restoretier=Bulk')
  })
})

test('a store that asks for error logs gets a file for each error', async () => {
  const before = await logs()
  scene.faults.misbehave({ on: /^HEAD .*annex\/objects/, status: 403 })
  scene.faults.misbehave({ on: /^GET .*annex\/objects/, status: 403, code: 'AccessDenied' })
  for (let i = 0; i < 2; i++) await repo.checkPresent('small.txt', remote)
  scene.faults.reset()
  const files = (await logs()).filter((path) => !before.includes(path))
  expect(files).toHaveLength(2)
  for (const file of files) {
    expect(file).toMatch(
      new RegExp(`^error_logs/${ID}\\.${await repo.uuid(remote)}\\.log/20\\d\\d-.*Z-[0-9a-f]{12}\\.log$`),
    )
    expect((await read(scene.bucket, file)).toString()).toMatch(/^20\d\d-.*Z: Error:\nstat .* denies access.*\n$/)
  }
})

describe('what S3 is told besides the content', () => {
  test('is the ACL and the storage class that initremote was given', async () => {
    const id = await scene.addDataset('told-0001')
    const settings = { acl: 'public-read', storageclass: 'STANDARD', storageclassminsize: '10B' }
    const told = await initRemote(repo, scene.url, id, { name: 'told', settings })
    await repo.annex('get', 'small.txt', 'large.bin')
    scene.faults.reset()
    await repo.annex('copy', '--to', told, 'small.txt', 'large.bin')
    const makes = scene.faults.headers.filter((headers) => headers['x-amz-acl'] !== undefined)
    expect(makes.map((headers) => headers['x-amz-storage-class']).sort()).toEqual(['STANDARD', undefined])
    for (const file of ['small.txt', 'large.bin']) {
      const [path] = keyPaths(datasetDirectory(id), '2', await repo.key(file))
      const answer = await fetch(`${scene.directUrl.slice('ria+s3+'.length)}/${path}`)
      expect(answer.status, file).toBe(200)
      expect(Buffer.from(await answer.arrayBuffer()).equals(await repo.read(file)), file).toBe(true)
    }
    expect((await fetch(`${scene.directUrl.slice('ria+s3+'.length)}/ria-layout-version`)).status).toBe(403)
  })

  const senseless = [
    ['acl', 'everybody'],
    ['serversideencryption', 'rot13'],
    ['ssekmskeyid', 'a-key'],
    ['storageclassminsize', 'small'],
    ['restoredays', 'always'],
    ['restoretier', 'now'],
  ] as const
  // What each says: test/ria/settings/.
  test.each(variants(senseless.slice(0, 1), senseless))(
    'is refused by initremote when it makes no sense: %s=%s',
    async (name, value) => {
      const before = await paths(scene.bucket, '')
      const settings = [
        'type=external',
        'externaltype=ora',
        'encryption=none',
        `url=${scene.url}`,
        'archive-id=told-0001',
      ]
      const result = await repo.tryAnnex('initremote', 'refused', ...settings, `${name}=${value}`)
      expect(result.status, explain(result)).toBe(1)
      expect(said(result)).toMatch(new RegExp(`${name} is `))
      expect(await paths(scene.bucket, '')).toEqual(before)
    },
  )
})

describe('nothing secret shows, also with --debug, when', () => {
  const TOKEN = 'a-session-token-that-nobody-may-ever-see'

  const cases: readonly (readonly [string, (own: S3Scene) => void, NodeJS.ProcessEnv])[] = [
    ['the token of a session has expired', ({ faults }) => faults.misbehave({ status: 400, code: 'ExpiredToken' }), {}],
    ['the token of a session is wrong', () => {}, {}],
    [
      'the server repeats the request in its answer',
      ({ faults }) => faults.misbehave({ status: 403, code: 'SignatureDoesNotMatch', xml: ECHO }),
      {},
    ],
    ['it answers no XML', ({ faults }) => faults.misbehave({ body: () => Buffer.from('<oops') }), {}],
    ['it cuts the connection', ({ faults }) => faults.misbehave({ on: /^(GET|HEAD|PUT|POST)/, cutAfter: 0 }), {}],
    ['it does not restore what is cold', coldAndRefused, {}],
    ['a profile is not there', () => {}, { AWS_PROFILE: 'nobodys' }],
  ]
  // Those whose answers hold the most.
  test.each(variants([...cases.slice(2, 3), ...cases.slice(5, 6)], cases))('%s', async (_when, misbehave, more) => {
    misbehave(scene)
    const env = { ...scene.env, AWS_SESSION_TOKEN: TOKEN, RIASTORE_DEBUG: '1', ...more }
    const own = repo.with({ env })
    await own.git('config', 'remote.store.riastore-stall-timeout', '5')
    const results = [
      await own.tryAnnex('--debug', 'fsck', '--fast', '--from', remote, 'small.txt'),
      await own.tryAnnex('--debug', 'get', '--from', remote, 'large.bin'),
      await own.tryAnnex('--debug', 'copy', '--to', remote, '--force', 'small.txt'),
      await own.tryAnnex('--debug', 'drop', '--from', remote, '--force', 'small.txt'),
    ]
    for (const result of results) {
      expect(said(result)).not.toContain(TOKEN)
      expect(said(result)).not.toContain(scene.s3.account.secretAccessKey)
      expect(said(result)).not.toMatch(/Signature=|AWS4-HMAC-SHA256|x-amz-security-token/i)
    }
    const [log] = (await Promise.all((await logs()).map((path) => read(scene.bucket, path)))).map(String).slice(-1)
    expect(log ?? '').not.toMatch(/Signature=|AWS4-HMAC-SHA256/)
  })
})

const ECHO = '<StringToSign>AWS4-HMAC-SHA256 x</StringToSign><SignatureProvided>Signature=f00</SignatureProvided>'

function coldAndRefused({ faults }: S3Scene): void {
  faults.misbehave({ on: /^GET .*annex/, status: 403, code: 'InvalidObjectState' })
  faults.misbehave({ on: /^POST .*restore/, status: 403, code: 'AccessDenied', xml: ECHO })
}
