import { beforeEach, describe, expect, it } from 'vitest'
import type { S3Settings } from '../../../../src/store/s3/client.ts'
import type { Store } from '../../../../src/store/store.ts'
import type { S3Faults } from '../../../support/servers/s3-faults.ts'
import { content } from '../../../support/stores/hostile-sources.ts'
import { read, write } from '../../../support/stores/stores.ts'
import { open, useS3 } from '../../../support/worlds/s3-bench.ts'

/**
 * No server that is free of charge has cold storage: the answers are those of AWS's API reference.
 */
const bench = useS3()
let faults: S3Faults
let store: Store
beforeEach(async () => {
  ;({ faults, store } = bench)
  await write(store, 'cold', 'content')
  faults.reset()
})

const WANTED: Partial<S3Settings> = { restore: { days: 3, tier: 'Standard' } }

/** Has the object lie in cold storage. */
function freeze(storageClass: string, headers: Record<string, string> = {}): void {
  faults.misbehave({ on: /^GET/, status: 403, code: 'InvalidObjectState' })
  faults.misbehave({ on: /^HEAD/, headers: { 'x-amz-storage-class': storageClass, ...headers } })
}

function answerRestore(status: number, code?: string): void {
  faults.misbehave({ on: /^POST .*restore/, status, ...(code && { code }) })
}

const restores = () => faults.requests.filter((request) => /^POST .*restore/.test(request))

async function expectCold(own: Store, reason: RegExp, kind = 'unsupported'): Promise<void> {
  await expect(read(own, 'cold')).rejects.toMatchObject({ kind, reason: expect.stringMatching(reason) })
}

describe('an object in cold storage', () => {
  it('is told to be cold to whoever may not look closer', async () => {
    freeze('GLACIER')
    faults.misbehave({ on: /^HEAD/, status: 403 })
    await expectCold(store, /it lies in cold storage \(of a kind that is not named\): it has to be restored/)
  })

  it('is there', async () => {
    freeze('DEEP_ARCHIVE')
    expect((await store.stat('cold'))?.size).toBe(7)
  })

  it.each([
    ['GLACIER', 'Standard', '5 hours'],
    ['GLACIER', 'Bulk', '12 hours'],
    ['GLACIER', 'Expedited', '5 minutes'],
    ['DEEP_ARCHIVE', 'Standard', '12 hours'],
    ['DEEP_ARCHIVE', 'Bulk', '48 hours'],
    ['SOMETHING_ELSE', 'Bulk', 'some hours'],
  ])('of class %s is asked back by tier %s, which takes %s', async (storageClass, tier, time) => {
    freeze(storageClass)
    answerRestore(202)
    const own = open({ restore: { days: 3, tier } })
    await expectCold(
      own,
      new RegExp(`^it lies in cold storage \\(${storageClass}\\): a restore was requested, .* ${time}`),
    )
    expect(restores()).toHaveLength(1)
    const [{ body = '' } = {}] = faults.bodies
    expect(body).toContain('<Days>3</Days>')
    expect(body).toContain(`<Tier>${tier}</Tier>`)
  })

  it('where the server itself moves things to and fro is asked back for good, not for days', async () => {
    freeze('INTELLIGENT_TIERING', { 'x-amz-archive-status': 'DEEP_ARCHIVE_ACCESS' })
    answerRestore(202)
    await expectCold(open(WANTED), /\(DEEP_ARCHIVE_ACCESS\): a restore was requested, .* 12 hours/)
    const [{ body = '' } = {}] = faults.bodies
    expect(body).not.toContain('Days')
  })

  it('is not asked back twice', async () => {
    freeze('GLACIER', { 'x-amz-restore': 'ongoing-request="true"' })
    await expectCold(open(WANTED), /it is being restored, which can take 12 hours/)
    expect(restores()).toHaveLength(0)
    faults.reset()
    freeze('GLACIER')
    answerRestore(409, 'RestoreAlreadyInProgress')
    await expectCold(open(WANTED), /it is being restored/)
  })

  it('is read as soon as it is back', async () => {
    freeze('GLACIER')
    answerRestore(202)
    await expectCold(open(WANTED), /a restore was requested/)
    faults.reset()
    const restored = 'ongoing-request="false", expiry-date="Fri, 21 Dec 2031 00:00:00 GMT"'
    faults.misbehave({ on: /^(HEAD|GET)/, headers: { 'x-amz-storage-class': 'GLACIER', 'x-amz-restore': restored } })
    expect((await read(open(WANTED), 'cold')).toString()).toBe('content')
    expect(restores()).toHaveLength(0)
  })

  it('that came back just now is worth another try', async () => {
    freeze('GLACIER', { 'x-amz-restore': 'ongoing-request="false", expiry-date="Fri, 21 Dec 2031 00:00:00 GMT"' })
    await expectCold(open(WANTED), /was restored just now/, 'transient')
    faults.reset()
    freeze('GLACIER')
    answerRestore(200)
    await expectCold(open(WANTED), /was restored just now/, 'transient')
  })

  it('is not asked back when that is not wanted', async () => {
    freeze('GLACIER')
    await expectCold(
      store,
      /^it lies in cold storage \(GLACIER\): it has to be restored before it can be read \(riastore thaw asks for it\)$/,
    )
    expect(restores()).toHaveLength(0)
  })

  it.each([
    [403, 'AccessDenied'],
    [501, 'NotImplemented'],
    [503, 'GlacierExpeditedRetrievalNotAvailable'],
  ])('that the server does not restore (%i %s) is told with the reason', async (status, code) => {
    freeze('GLACIER')
    answerRestore(status, code)
    await expectCold(
      open(WANTED),
      new RegExp(`^it lies in cold storage \\(GLACIER\\), and \\S+ does not restore it \\(${code}\\)$`),
    )
  })

  it('of which the large part is read is asked back once, too', async () => {
    await store.put('cold', {
      size: 40 * 1024 ** 2,
      open: async function* () {
        yield content(40 * 1024 ** 2)
      },
    })
    freeze('GLACIER')
    answerRestore(202)
    await expectCold(open(WANTED), /a restore was requested/)
    expect(restores()).toHaveLength(1)
  })
})

describe('thaw', () => {
  const ASK = { days: 3, tier: 'Bulk' }
  const BACK = 'ongoing-request="false", expiry-date="Fri, 21 Dec 2031 00:00:00 GMT"'

  it('tells of what can be read that it is here, whatever its class is called, and asks for nothing', async () => {
    expect(await store.thaw?.('cold', { ask: ASK })).toEqual({ state: 'here', size: 7, place: undefined })
    faults.misbehave({ on: /^HEAD/, headers: { 'x-amz-storage-class': 'GLACIER' } })
    expect(await store.thaw?.('cold', { ask: ASK })).toMatchObject({ state: 'here', place: 'GLACIER' })
    expect(restores()).toHaveLength(0)
  })

  it('tells what is cold, asks for it when it is to, and knows it again while it comes and when it is back', async () => {
    freeze('GLACIER')
    answerRestore(202)
    expect(await store.thaw?.('cold')).toEqual({ state: 'cold', size: 7, place: 'GLACIER' })
    expect(restores()).toHaveLength(0)
    const asked = { state: 'thawing', size: 7, place: 'GLACIER', asked: true, takes: '12 hours' }
    expect(await store.thaw?.('cold', { ask: ASK })).toEqual(asked)
    expect(faults.bodies[0]?.body).toMatch(/<Days>3<\/Days>.*<Tier>Bulk<\/Tier>/)
    freeze('GLACIER', { 'x-amz-restore': 'ongoing-request="true"' })
    expect(await store.thaw?.('cold', { ask: ASK })).toMatchObject({ state: 'thawing', takes: '12 hours' })
    faults.reset()
    faults.misbehave({ on: /^HEAD/, headers: { 'x-amz-storage-class': 'GLACIER', 'x-amz-restore': BACK } })
    expect(await store.thaw?.('cold', { ask: ASK })).toMatchObject({ state: 'here' })
    expect(restores()).toHaveLength(0)
  })

  it('takes one that somebody else asked for in the same moment for one that comes', async () => {
    freeze('DEEP_ARCHIVE')
    answerRestore(409, 'RestoreAlreadyInProgress')
    expect(await store.thaw?.('cold', { ask: ASK })).toMatchObject({ state: 'thawing', takes: '48 hours' })
  })

  it('tells the reason where the server does not restore, and calls nothing absent that is only cold', async () => {
    freeze('GLACIER')
    answerRestore(403, 'AccessDenied')
    await expect(store.thaw?.('cold', { ask: ASK })).rejects.toMatchObject({
      kind: 'unsupported',
      op: 'thaw',
      reason: expect.stringMatching(/and \S+ does not restore it \(AccessDenied\)$/),
    })
    expect(await store.thaw?.('no/such')).toBeUndefined()
    faults.misbehave({ on: /no\/such/, status: 503 })
    await expect(store.thaw?.('no/such')).rejects.toMatchObject({ kind: 'transient' })
  })
})

describe('the storage class', () => {
  const classOf = () => faults.headers.map((headers) => headers['x-amz-storage-class'])

  it('is asked for objects that are not small only', async () => {
    const own = open({ storageClass: 'STANDARD', storageClassMinBytes: 10 })
    await write(own, 'small', 'x'.repeat(9))
    await write(own, 'large', 'x'.repeat(10))
    expect(classOf()).toEqual([undefined, 'STANDARD'])
  })

  it('is by default none of what is read all the time', async () => {
    await write(open({ storageClass: 'STANDARD' }), 'layout', '2\n')
    expect(classOf()).toEqual([undefined])
  })

  it('goes with the ACL and the encryption that were asked for, also in parts', async () => {
    const own = open({
      storageClass: 'STANDARD',
      acl: 'bucket-owner-full-control',
      encryption: 'aws:kms',
      encryptionKey: 'k1',
    })
    faults.misbehave({ on: /^(PUT|POST)/, status: 400, code: 'InvalidRequest' })
    await expect(write(own, 'small', 'x')).rejects.toMatchObject({ kind: 'unsupported' })
    await expect(own.put('large', { size: 20 * 1024 ** 2, async *open() {} })).rejects.toThrow()
    for (const headers of faults.headers) {
      expect(headers).toMatchObject({
        'x-amz-acl': 'bucket-owner-full-control',
        'x-amz-server-side-encryption': 'aws:kms',
        'x-amz-server-side-encryption-aws-kms-key-id': 'k1',
      })
    }
    expect(classOf()).toEqual([undefined, 'STANDARD'])
  })
})
