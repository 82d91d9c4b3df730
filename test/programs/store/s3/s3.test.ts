import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { StoreError } from '../../../../src/core/errors.ts'
import { bufferSource } from '../../../../src/core/source.ts'
import type { Store } from '../../../../src/store/store.ts'
import type { TestS3 } from '../../../support/servers/s3.ts'
import type { S3Faults } from '../../../support/servers/s3-faults.ts'
import { content } from '../../../support/stores/hostile-sources.ts'
import { paths, read, write } from '../../../support/stores/stores.ts'
import { everyCall, expectToFail, open, useS3 } from '../../../support/worlds/s3-bench.ts'

const bench = useS3()
let ceph: TestS3
let faults: S3Faults
let store: Store
beforeEach(() => {
  ;({ ceph, faults, store } = bench)
})

describe('absent', () => {
  it('costs two requests at first, and one while the bucket is known to be there', async () => {
    expect(await store.stat('no')).toBeUndefined()
    expect(faults.requests.map((request) => request.split(' ')[0])).toEqual(['HEAD', 'GET'])
    expect(await store.stat('no2')).toBeUndefined()
    await write(store, 'yes', 'x')
    expect(await store.stat('no3')).toBeUndefined()
    expect(faults.requests.map((request) => request.split(' ')[0])).toEqual(['HEAD', 'GET', 'HEAD', 'PUT', 'HEAD'])
  })

  it('costs one request for a file that is there', async () => {
    await write(store, 'yes', 'x')
    faults.reset()
    expect((await store.stat('yes'))?.size).toBe(1)
    expect(faults.requests).toHaveLength(1)
  })

  it('is no answer for a bucket that is not there', async () => {
    await expectToFail(open({ bucket: 'nosuch' }), 'denied', /^there is no bucket nosuch at 127/)
  })

  it('is no answer when the bucket goes away after it was seen, once its sight is old', async () => {
    await write(store, 'yes', 'x')
    faults.misbehave({ on: /^HEAD/, status: 404 })
    faults.misbehave({ on: /^GET/, status: 404, code: 'NoSuchBucket' })
    vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 11_000)
    try {
      await expectToFail(store, 'denied', /no bucket/, [() => store.stat('yes')])
    } finally {
      vi.restoreAllMocks()
    }
  })

  it('is no answer for an account that may not look', async () => {
    const credentials = await ceph.addUser(`other${bench.prefix}`)
    await write(store, 'there', 'x')
    await expectToFail(open({ credentials }), 'denied', /denies access \(AccessDenied\)/)
    await expectToFail(open({ credentials }), 'denied', /denies access/, [() => open({ credentials }).stat('no')])
  })

  it.each([
    ['200', 200],
    ['404', 404],
    ['403', 403],
    ['500', 500],
    ['302', 302],
  ])('is no answer of a web page that says %s to everything', async (_name, status) => {
    faults.misbehave({ status, page: '<!doctype html><html><body>MinIO<br></body></html>' })
    for (const call of everyCall(store)) {
      const outcome = await call().catch((error: unknown) => error)
      expect(outcome).toMatchObject({ name: 'StoreError' })
      expect(outcome).not.toMatchObject({ kind: 'missing' })
      if (status === 200 || status === 404 || status === 302) {
        expect(outcome).toMatchObject({ kind: 'unsupported', reason: expect.stringMatching(/like an S3 server/) })
      }
    }
  })

  it('is no answer of a web page that says 404, or 200, to all but the listing that came before', async () => {
    await write(store, 'there', 'x')
    for (const status of [200, 404]) {
      faults.misbehave({ status, page: '<html></html>' })
      await expectToFail(store, 'unsupported', /like an S3 server/, [() => store.stat('there')])
    }
  })

  it('is no answer of a listing that is cut short', async () => {
    await write(store, 'there', 'x')
    const shorten = (from: RegExp, to: string) => (body: Buffer) => Buffer.from(body.toString().replace(from, to))
    expect(await paths(store, '')).toEqual(['there'])
    const damages: readonly [string, (body: Buffer) => Buffer][] = [
      ['corrupt', shorten(/<IsTruncated>false/, '<IsTruncated>true')],
      ['unsupported', shorten(/<IsTruncated>.*?<\/IsTruncated>/, '')],
      ['unsupported', shorten(/<Size>.*?<\/Size>/, '')],
      ['unsupported', () => Buffer.from('')],
      ['unsupported', () => Buffer.from('<html></html>')],
    ]
    for (const [kind, body] of damages) {
      faults.reset()
      faults.misbehave({ on: /list-type/, body })
      await expect(paths(store, ''), String(body)).rejects.toMatchObject({ kind })
    }
  })
})

describe('a server that refuses HEAD, or leaves the length away', () => {
  it.each([400, 403, 405])('with %i is asked by GET', async (status) => {
    await write(store, 'there', 'abc')
    await write(store, 'empty', '')
    faults.misbehave({ on: /^HEAD/, status })
    expect((await store.stat('there'))?.size).toBe(3)
    expect((await store.stat('empty'))?.size).toBe(0)
    expect(await store.stat('no')).toBeUndefined()
  })

  it('is asked for a part, of which the length of the whole is told', async () => {
    await write(store, 'there', 'abc')
    await write(store, 'empty', '')
    faults.misbehave({ without: ['content-length'] })
    expect((await store.stat('there'))?.size).toBe(3)
    expect((await read(store, 'there')).toString()).toBe('abc')
    expect((await read(store, 'there', { range: { start: 1, end: 2 } })).toString()).toBe('b')
    faults.reset()
    faults.misbehave({ on: /^HEAD/, without: ['content-length'] })
    expect((await store.stat('empty'))?.size).toBe(0)
  })

  it('is told of when it never says the length', async () => {
    await write(store, 'there', 'abc')
    faults.misbehave({ without: ['content-length', 'content-range'] })
    const failure = { kind: 'unsupported', reason: expect.stringMatching(/does not say how long the object is$/) }
    await expect(store.stat('there')).rejects.toMatchObject(failure)
    await expect(read(store, 'there')).rejects.toMatchObject({ kind: 'unsupported' })
  })
})

describe('a server that compresses what it sends', () => {
  const bytes = content(100_000)

  it('is understood where it compresses answers, and objects that are not asked for in part', async () => {
    faults.misbehave({ packs: true })
    await store.put('dir/there', bufferSource(bytes))
    expect((await store.stat('dir/there'))?.size).toBe(bytes.length)
    expect((await read(store, 'dir/there')).equals(bytes)).toBe(true)
    expect(await paths(store, '')).toEqual(['dir/there'])
    await store.move('dir/there', 'moved')
    await store.removeAll?.(['moved'])
    expect(await paths(store, '')).toEqual([])
    expect(faults.headers.every((headers) => headers['accept-encoding'] === 'identity')).toBe(true)
  })

  it('is told of by name, and no object is called damaged', async () => {
    await store.put('there', bufferSource(bytes))
    faults.misbehave({ headers: { 'content-encoding': 'gzip' } })
    const failure = {
      kind: 'unsupported',
      reason: expect.stringMatching(/^127\S+ compresses what it sends \(.*gzip\)/),
    }
    await expect(store.stat('there')).rejects.toMatchObject(failure)
    await expect(read(store, 'there')).rejects.toMatchObject(failure)
  })
})

describe('an answer that does not end', () => {
  it('is given up before it fills the memory', async () => {
    await write(store, 'there', 'x')
    faults.misbehave({ on: /list-type|uploads|^PUT.*elsewhere/, endless: true })
    const calls = [
      () => paths(store, ''),
      () => store.put('large', bufferSource(content(17 * 1024 * 1024))),
      () => store.move('there', 'elsewhere'),
    ]
    await expectToFail(store, 'unsupported', /its answer is longer than 16777216 bytes/, calls)
  })
})

describe('a server that names no request ids', () => {
  const without = ['x-amz-request-id']

  it('works, once it has given an error in the words of S3', async () => {
    faults.misbehave({ without })
    await write(store, 'there', 'x')
    expect((await store.stat('there'))?.size).toBe(1)
    expect(await store.stat('no')).toBeUndefined()
    expect((await read(store, 'there')).toString()).toBe('x')
    expect(await paths(store, '')).toEqual(['there'])
    await store.remove('there')
    expect(await store.stat('there')).toBeUndefined()
  })
})

describe('what the server refuses with', () => {
  it.each<[string, number, string, RegExp]>([
    ['ExpiredToken', 400, 'denied', /token of the AWS credentials has expired/],
    ['InvalidToken', 400, 'denied', /does not take the session token/],
    ['InvalidAccessKeyId', 403, 'denied', /does not know the access key/],
    ['SignatureDoesNotMatch', 403, 'denied', /secret key does not belong/],
    ['RequestTimeTooSkewed', 403, 'transient', /^the clocks of this computer and of 127/],
    ['AccessDenied', 403, 'denied', /denies access/],
    ['SlowDown', 503, 'transient', /come back later \(SlowDown\)/],
    ['ServiceUnavailable', 503, 'transient', /come back later/],
    ['InternalError', 500, 'transient', /come back later/],
    ['QuotaExceeded', 403, 'full', /no space or quota/],
    ['PermanentRedirect', 301, 'denied', /in another region: set AWS_REGION=eu-west-9/],
    ['AuthorizationHeaderMalformed', 400, 'denied', /in another region: set AWS_REGION=eu-west-9/],
    ['TemporaryRedirect', 307, 'transient', /come back later/],
    ['EntityTooLarge', 400, 'unsupported', /takes no request of that size \(EntityTooLarge\): partsize/],
    ['SomethingNew', 400, 'unsupported', /answered 400 SomethingNew: two lines$/],
    ['SomethingNew', 413, 'unsupported', /takes no request of that size \(SomethingNew\): partsize/],
    ['SomethingNew', 403, 'denied', /denies access \(SomethingNew\)/],
    ['SomethingNew', 599, 'transient', /answered 599/],
  ])('%s (%i) is `%s`, in one line', async (code, status, kind, reason) => {
    faults.misbehave({ status, code, xml: '<Region>eu-west-9</Region><Message>two\nlines</Message>' })
    await expectToFail(store, kind, status >= 500 ? /\d|come back/ : reason)
    if (status >= 500) await expectToFail(store, kind, reason, [() => read(store, 'x')])
  })

  it('says what is wrong with the keys of a real server', async () => {
    const { accessKeyId, secretAccessKey } = ceph.account
    const wrong = open({ credentials: { accessKeyId, secretAccessKey: 'another-secret-thing' } })
    await expectToFail(wrong, 'denied', /secret key does not belong/)
    const unknown = open({ credentials: { accessKeyId: 'NOBODY', secretAccessKey } })
    await expectToFail(unknown, 'denied', /does not know the access key/)
  })

  it('is the size of what was sent, when a proxy allows no more', async () => {
    faults.misbehave({ on: /^PUT/, status: 413, page: '<html>Request Entity Too Large</html>' })
    const failure = { kind: 'unsupported', sent: 'no', reason: expect.stringMatching(/of that size \(413\): partsize/) }
    await expect(write(store, 'x', 'x')).rejects.toMatchObject(failure)
    await expect(store.put('large', bufferSource(content(17 * 1024 * 1024)))).rejects.toMatchObject(failure)
  })

  it.each(['NotImplemented', undefined])('is the condition of a file that must be new (501 %s)', async (code) => {
    faults.misbehave({ on: /^PUT/, status: 501, ...(code && { code }) })
    const reason = expect.stringMatching(/does not know If-None-Match \(501\): it cannot store a file only if/)
    const put = store.put('x', bufferSource('x'), { ifAbsent: true })
    await expect(put).rejects.toMatchObject({ kind: 'unsupported', sent: 'no', reason })
    await expect(write(store, 'x', 'x')).rejects.toMatchObject({ kind: 'unsupported', sent: 'no' })
  })

  it('says nothing of what was sent, however much the server repeats', async () => {
    const token = 'IQoJb3JpZ2luX2VjE'.repeat(20)
    const xml = `<Message>the token ${token} is odd\u001b[31m</Message>`
    faults.misbehave({ on: /^PUT/, status: 400, code: 'OddToken', xml })
    const reason = expect.stringMatching(/answered 400 OddToken: the token … is odd/)
    await expect(write(store, 'x', 'x')).rejects.toMatchObject({ reason })
  })

  it('certainly did not act when it says that somebody was faster', async () => {
    faults.misbehave({ status: 409, code: 'ConditionalRequestConflict' })
    const put = store.put('x', bufferSource('x'), { ifAbsent: true })
    await expect(put).rejects.toMatchObject({ kind: 'transient', sent: 'no' })
  })

  it('may have acted when it fails of itself', async () => {
    faults.misbehave({ status: 500, code: 'InternalError' })
    await expect(write(store, 'x', 'x')).rejects.toMatchObject({ kind: 'transient', sent: 'maybe' })
  })

  it('calls an object in cold storage present, and says what reading it needs', async () => {
    await write(store, 'there', 'x')
    faults.misbehave({ on: /^GET/, status: 403, code: 'InvalidObjectState' })
    expect((await store.stat('there'))?.size).toBe(1)
    await expect(read(store, 'there')).rejects.toMatchObject({
      kind: 'unsupported',
      reason: expect.stringMatching(/cold storage/),
    })
  })

  it('is `unreachable` where nobody answers, and was not sent', async () => {
    const nobody = open({ endpoint: 'http://127.0.0.1:1' })
    await expect(nobody.stat('x')).rejects.toMatchObject({
      kind: 'unreachable',
      sent: 'no',
      reason: 'cannot reach 127.0.0.1:1: it refused the connection',
    })
  })
})

describe('a download', () => {
  const bytes = content(300_000)

  it('that is cut off is `unreachable`, and can go on from there', async () => {
    await store.put('file', bufferSource(bytes))
    faults.misbehave({ on: /^GET/, cutAfter: 100_000, times: 1 })
    await expect(read(store, 'file')).rejects.toMatchObject({ kind: 'unreachable' })
    const rest = await read(store, 'file', { range: { start: 100_000 } })
    expect(rest.equals(bytes.subarray(100_000))).toBe(true)
  })

  it('of another part, or another length, than asked for is `corrupt`', async () => {
    await store.put('file', bufferSource(bytes))
    const range = { start: 10, end: 20 }
    for (const fault of [
      { headers: { 'content-range': 'bytes 11-20/300000' } },
      { headers: { 'content-range': 'bytes 9-19/300000' } },
      { headers: { 'content-range': 'bytes 11-19/300000' } },
      { as: 200, without: ['content-range'], body: () => bytes },
      { headers: { 'content-range': 'bytes */300000' } },
      { headers: { 'content-range': '' } },
      { body: () => Buffer.alloc(9) },
      { body: () => Buffer.alloc(11) },
    ]) {
      faults.reset()
      faults.misbehave({ on: /^GET/, ...fault })
      const consume = async () => expect.fail('the consumer was called')
      const error = await store.get('file', consume, { range }).catch((error: unknown) => error)
      expect(['corrupt', 'unsupported'], JSON.stringify(fault)).toContain((error as StoreError).kind)
    }
  })
})
