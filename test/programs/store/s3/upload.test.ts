import { beforeEach, describe, expect, it } from 'vitest'
import { bufferSource, type Source } from '../../../../src/core/source.ts'
import type { PutOptions, Store } from '../../../../src/store/store.ts'
import { Retry } from '../../../../src/store/wrappers/retry.ts'
import type { S3Faults } from '../../../support/servers/s3-faults.ts'
import { chunkedSource, content, failingSource, stallingSource } from '../../../support/stores/hostile-sources.ts'
import { paths, read, write } from '../../../support/stores/stores.ts'
import { MIB, open, uploads, useS3 } from '../../../support/worlds/s3-bench.ts'

const bench = useS3()
let faults: S3Faults
let store: Store
beforeEach(() => {
  ;({ faults, store } = bench)
})

describe('an upload in parts', () => {
  const bytes = content(22 * MIB + 123)
  const small = { partBytes: 5 * MIB }

  it('is stored as it was, and seen when it is complete', async () => {
    const progress: number[] = []
    const onProgress = (sent: number) => progress.push(sent)
    const stat = await store.put('file', chunkedSource(bytes, 700_001), { onProgress })
    expect(stat).toEqual(await store.stat('file'))
    expect((await read(store, 'file')).equals(bytes)).toBe(true)
    expect(progress.at(-1)).toBe(bytes.length)
    expect(progress.toSorted((a, b) => a - b)).toEqual(progress)
    expect(faults.requests.filter((request) => /partNumber/.test(request))).toHaveLength(2)
    expect(await uploads()).toBe(0)
  })

  it.each([
    ['nothing', 0],
    ['one part exactly', 16 * MIB],
    ['two parts exactly', 32 * MIB],
    ['one byte more than a part', 16 * MIB + 1],
  ])('takes %s', async (_name, length) => {
    const part = content(length)
    await store.put('file', bufferSource(part))
    expect((await read(store, 'file')).equals(part)).toBe(true)
  })

  it('that fails leaves the old file, and nothing that costs money', async () => {
    const own = open(small)
    await write(own, 'file', 'old')
    const source = (size: number, opened: Source['open']): Source => ({ size, open: opened })
    const whole = bufferSource(bytes)
    const attempts: readonly [string, Source, (() => void)?][] = [
      ['corrupt', failingSource(bytes.length, 20 * MIB)],
      ['corrupt', source(bytes.length + 1, whole.open)],
      ['corrupt', source(bytes.length - 1, whole.open)],
      ['transient', whole, () => faults.misbehave({ on: /partNumber=3/, status: 503, code: 'SlowDown' })],
      ['transient', whole, () => faults.misbehave({ on: /^POST .*uploadId/, status: 500, code: 'InternalError' })],
      ['transient', whole, () => faults.misbehave({ on: /^POST .*uploadId/, status: 200, code: 'InternalError' })],
    ]
    for (const [i, [kind, each, prepare]] of attempts.entries()) {
      faults.reset()
      prepare?.()
      const outcome = await own.put('file', each).catch((error: unknown) => error)
      expect(outcome, `attempt ${i}`).toMatchObject({ kind })
      expect((await read(own, 'file')).toString()).toBe('old')
      expect(await uploads(), `attempt ${i}`).toBe(0)
    }
  })

  it('of which a part fails for a while goes on there: no other part is sent again', async () => {
    const retry = new Retry({ retries: 2, minDelayMs: 1, maxDelayMs: 2 })
    const own = open({ ...small, again: (call, work) => retry.run(call, work) })
    faults.misbehave({ on: /partNumber=3/, status: 503, code: 'SlowDown', times: 1 })
    faults.misbehave({ on: /partNumber=5/, status: 500, code: 'InternalError', times: 1 })
    const progress: number[] = []
    const stat = await own.put('file', bufferSource(bytes), { onProgress: (sent) => progress.push(sent) })
    expect(stat.size).toBe(bytes.length)
    expect((await read(own, 'file')).equals(bytes)).toBe(true)
    expect(faults.requests.filter((request) => /partNumber/.test(request))).toHaveLength(5 + 2)
    expect(progress.at(-1)).toBe(bytes.length)
    expect(progress.toSorted((a, b) => a - b)).toEqual(progress)
    expect(await uploads()).toBe(0)
  })

  describe('whose object is put together by a server that', () => {
    const AT_THE_END = /^POST .*uploadId/
    const partsSent = () => faults.requests.filter((request) => /partNumber/.test(request)).length

    const expectStored = async (own: Store, options?: PutOptions) => {
      const stat = await own.put('file', bufferSource(bytes), options)
      expect(stat.size).toBe(bytes.length)
      expect(partsSent()).toBe(5)
      faults.reset()
      expect((await read(own, 'file')).equals(bytes)).toBe(true)
      expect(await uploads()).toBe(0)
    }

    it.each([
      ['loses its answer', { cutAfter: 0, times: 1 }],
      ['cuts its answer off', { cutAfter: 60, times: 1 }],
      ['sends half an answer', { body: (answer: Buffer) => answer.subarray(0, answer.length / 2), times: 1 }],
      ['sends an empty answer', { body: () => Buffer.alloc(0), times: 1 }],
      ['answers for a proxy that did not wait', { as: 504, body: () => Buffer.from('<html></html>'), times: 1 }],
    ])('%s is asked for the object, and nothing is sent again', async (_what, fault) => {
      faults.misbehave({ on: AT_THE_END, status: 404, code: 'NoSuchUpload' }) // Ceph would say yes once more
      faults.misbehave({ on: AT_THE_END, ...fault })
      await expectStored(open(small))
      expect(faults.requests.filter((request) => AT_THE_END.test(request)).length).toBeLessThanOrEqual(1)
    })

    it('sends blanks while it works makes progress', async () => {
      faults.misbehave({ on: AT_THE_END, blanksThen: 'answer' })
      let signs = 0
      const onProgress = (sent: number) => {
        if (sent === bytes.length) signs += 1
      }
      await expectStored(open(small), { onProgress })
      expect(signs).toBeGreaterThan(3)
    })

    it('falls silent over it is waited for as long as that may take, and then asked for the object', async () => {
      faults.misbehave({ on: AT_THE_END, blanksThen: 'silence' })
      const silences: string[] = []
      const onSilence = (ms: number) => {
        silences.push(`${ms} ms`)
        return () => silences.push('over')
      }
      await expectStored(open({ ...small, assemblySilenceMs: 2000 }), { onSilence })
      expect(silences).toEqual(['62000 ms', 'over'])
    })

    it('did not do it is told of, as it failed', async () => {
      const own = open({ ...small, assemblySilenceMs: 2000 })
      await write(own, 'file', 'old')
      faults.misbehave({ on: AT_THE_END, silent: true })
      const reason = expect.stringMatching(/said nothing for 2 s while it was to put the object together$/)
      await expect(own.put('file', bufferSource(bytes))).rejects.toMatchObject({ kind: 'unreachable', reason })
      expect((await read(own, 'file')).toString()).toBe('old')
      expect(await uploads()).toBe(0)
    })

    it('did it is believed, though the object cannot be looked at', async () => {
      const own = open(small)
      faults.misbehave({ on: /^(HEAD|GET)/, status: 403, code: 'AccessDenied' })
      await expectStored(own)
      faults.misbehave({ on: /^(HEAD|GET)/, without: ['content-length', 'content-range'] })
      await expectStored(own)
    })
  })

  it('is sent with checksums to a bucket that takes nothing without', async () => {
    const words = '<Message>Content-MD5 OR x-amz-checksum- HTTP header is required for Put Part requests</Message>'
    faults.misbehave({ on: /^PUT/, onlyWithout: 'content-md5', status: 400, code: 'InvalidRequest', xml: words })
    const own = open(small)
    const progress: number[] = []
    await own.put('file', bufferSource(bytes), { onProgress: (sent) => progress.push(sent) })
    await write(own, 'small', 'x')
    faults.reset()
    expect((await read(own, 'file')).equals(bytes)).toBe(true)
    expect(progress.toSorted((a, b) => a - b)).toEqual(progress)
    expect(progress.at(-1)).toBe(bytes.length)
    const other = open({})
    faults.misbehave({ on: /^PUT/, onlyWithout: 'content-md5', status: 400, code: 'MissingContentMD5' })
    await write(other, 'small', 'y')
    expect((await read(other, 'small')).toString()).toBe('y')
    expect(faults.requests.filter((request) => request.startsWith('PUT'))).toHaveLength(2)
    await write(other, 'small', 'z')
    expect(faults.requests.filter((request) => request.startsWith('PUT'))).toHaveLength(3)
  })

  it('that somebody ended is not sent on', async () => {
    const retry = new Retry({ retries: 2, minDelayMs: 1, maxDelayMs: 2 })
    const own = open({ ...small, again: (call, work) => retry.run(call, work) })
    faults.misbehave({ on: /partNumber=5/, status: 404, code: 'NoSuchUpload' })
    await expect(own.put('file', bufferSource(bytes))).rejects.toMatchObject({ kind: 'transient' })
    expect(faults.requests.filter((request) => /partNumber=5/.test(request))).toHaveLength(1)
  })

  it('that is aborted, or whose store is closed, leaves nothing that costs money', async () => {
    for (const how of ['abort', 'close']) {
      const own = open(small)
      const controller = new AbortController()
      const source = stallingSource(20 * MIB, 12 * MIB)
      const put = own.put('file', source, { signal: controller.signal })
      const outcome = put.catch((error: unknown) => error)
      await source.stalled
      if (how === 'abort') controller.abort()
      else await own.close()
      expect(await outcome).toMatchObject({ kind: 'aborted' })
      await own.close()
      expect(await uploads()).toBe(0)
    }
    expect(await store.stat('file')).toBeUndefined()
  })

  it('is begun by a server that takes its time', async () => {
    faults.misbehave({ on: /^POST .*uploads/, delayMs: 11_000 })
    const own = open(small)
    await own.put('file', bufferSource(bytes))
    expect((await read(own, 'file')).equals(bytes)).toBe(true)
  })

  it('ends at once when a part fails while its source stalls', async () => {
    const own = open(small)
    faults.misbehave({ on: /partNumber=1/, status: 403, code: 'AccessDenied' })
    await expect(own.put('file', stallingSource(20 * MIB, 12 * MIB))).rejects.toMatchObject({ kind: 'denied' })
    expect(await uploads()).toBe(0)
  })

  it('cannot be made to depend on there being none: such content goes in one PUT, or not at all', async () => {
    await store.put('file', bufferSource(bytes), { ifAbsent: true })
    await expect(store.put('file', bufferSource(bytes), { ifAbsent: true })).rejects.toMatchObject({ kind: 'conflict' })
    const huge = { size: 65 * MIB, open: () => expect.fail('it was read') }
    await expect(store.put('huge', huge, { ifAbsent: true })).rejects.toMatchObject({ kind: 'unsupported', sent: 'no' })
  })

  it('is moved in parts when it is large', async () => {
    const block = content(MIB)
    const size = 257 * MIB
    const source = {
      size,
      async *open() {
        for (let i = 0; i < 257; i++) yield block
      },
    }
    await store.put('from', source)
    faults.reset()
    await store.move('from', 'to')
    expect(faults.requests.filter((request) => /partNumber/.test(request))).toHaveLength(2)
    expect(await paths(store, '')).toEqual(['to'])
    expect((await store.stat('to'))?.size).toBe(size)
    const end = await read(store, 'to', { range: { start: size - MIB } })
    expect(end.equals(block)).toBe(true)
  })
})

describe('a move', () => {
  it('makes progress by the blanks that the server sends while it copies', async () => {
    await write(store, 'from', 'content')
    faults.misbehave({ on: /^PUT .*\/to/, blanksThen: 'answer' })
    let signs = 0
    await store.move('from', 'to', { onProgress: () => (signs += 1) })
    expect(signs).toBeGreaterThan(3)
    expect((await read(store, 'to')).toString()).toBe('content')
    expect(await paths(store, '')).toEqual(['to'])
  })

  it('is tried again where the server fails while it copies, for it does the same twice', async () => {
    const retry = new Retry({ retries: 2, minDelayMs: 1, maxDelayMs: 2 })
    const own = open({ again: (call, work) => retry.run(call, work) })
    await write(own, 'from', 'content')
    faults.misbehave({ on: /^PUT .*\/to/, status: 200, code: 'InternalError', times: 1 })
    faults.misbehave({ on: /^PUT .*\/to/, cutAfter: 0, times: 1 })
    await own.move('from', 'to')
    expect((await read(own, 'to')).toString()).toBe('content')
    expect(await paths(own, '')).toEqual(['to'])
  })

  it('keeps the file where it was when the copy is not whole', async () => {
    await write(store, 'from', 'content')
    faults.misbehave({ on: /^HEAD .*\/to/, headers: { 'content-length': '3' } })
    await expect(store.move('from', 'to')).rejects.toMatchObject({
      kind: 'conflict',
      reason: '3 bytes are there after 7 were copied',
    })
    expect((await read(store, 'from')).toString()).toBe('content')
  })
})
