import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { parseKey } from '../../../../src/core/key.ts'
import { bufferSource } from '../../../../src/core/source.ts'
import { looseCopy } from '../../../../src/ria/keys/copy.ts'
import { retrieveToFile } from '../../../../src/ria/keys/retrieve.ts'
import type { Store } from '../../../../src/store/store.ts'
import { Retry } from '../../../../src/store/wrappers/retry.ts'
import type { S3Faults } from '../../../support/servers/s3-faults.ts'
import { content } from '../../../support/stores/hostile-sources.ts'
import { read } from '../../../support/stores/stores.ts'
import { MIB, open, useS3 } from '../../../support/worlds/s3-bench.ts'

const bench = useS3()
let faults: S3Faults
let store: Store
beforeEach(() => {
  ;({ faults, store } = bench)
})

const SIZE = 45 * MIB + 123
const bytes = content(SIZE)
const gets = () => faults.requests.filter((request) => request.startsWith('GET'))

/** A store whose parts are tried again as open.ts has it, at once. */
function retrying(): Store {
  const retry = new Retry({ retries: 2, minDelayMs: 1, maxDelayMs: 2 })
  return open({ again: (call, work) => retry.run(call, work) })
}

describe('a small file, when nothing is told of what goes wrong,', () => {
  const small = content(5000)
  const getSmall = async (size = small.length, path = 'small') => {
    const came: Uint8Array[] = []
    await store.getSmall?.([{ path, size }], { atOnce: 1, onContent: (_index, content) => came.push(content) })
    expect(came.length).toBeLessThanOrEqual(1)
    return came[0]
  }
  beforeEach(async () => {
    await store.put('small', bufferSource(small))
    faults.reset()
  })

  it('comes by one request', async () => {
    expect(Buffer.from((await getSmall()) ?? []).equals(small)).toBe(true)
    await store.put('small', bufferSource(''))
    expect(await getSmall(0)).toHaveLength(0)
    expect(gets()).toHaveLength(2)
  })

  it('does not come when it is not there, has another length, is packed, or breaks off', async () => {
    expect(await getSmall(small.length - 1)).toBeUndefined()
    expect(await getSmall(small.length + 1)).toBeUndefined()
    expect(await getSmall(small.length, 'other')).toBeUndefined()
    for (const fault of [{ packs: true }, { cutAfter: 4000 }, { status: 503, code: 'SlowDown' }, { as: 206 }]) {
      faults.reset()
      faults.misbehave(fault)
      expect(await getSmall()).toBeUndefined()
      expect(gets().length).toBeLessThanOrEqual(1)
    }
    faults.reset()
    expect((await read(store, 'small')).equals(small)).toBe(true)
  })
})

describe('a large download', () => {
  beforeEach(async () => {
    await store.put('file', bufferSource(bytes))
    faults.reset()
  })

  it('comes by several requests at once, in order', async () => {
    expect((await read(store, 'file')).equals(bytes)).toBe(true)
    expect(gets()).toHaveLength(6)
    faults.reset()
    const range = { start: 3 * MIB, end: SIZE - 5 }
    expect((await read(store, 'file', { range })).equals(bytes.subarray(range.start, range.end))).toBe(true)
    expect(gets()).toHaveLength(6)
  })

  it('comes by one request when nothing else is wanted, or it is not that large', async () => {
    expect((await read(open({ parallelParts: 1 }), 'file')).equals(bytes)).toBe(true)
    expect(gets()).toHaveLength(1)
    faults.reset()
    const range = { start: SIZE - 31 * MIB }
    expect((await read(store, 'file', { range })).equals(bytes.subarray(range.start))).toBe(true)
    expect(gets()).toHaveLength(1)
  })

  it('asks for no more at once than it shall, and for nothing that was not taken', async () => {
    let asked = 0
    const consume = async (chunks: AsyncIterable<Uint8Array>) => {
      for await (const _chunk of chunks) {
        asked = gets().length
        break
      }
      throw new Error('enough')
    }
    await expect(open({ parallelParts: 3 }).get('file', consume)).rejects.toThrow('enough')
    expect(asked).toBeLessThanOrEqual(3)
  })

  it('of which a part is cut off goes on there, and the other parts do not come again', async () => {
    faults.misbehave({ on: /^GET/, cutAfter: MIB, times: 1 })
    expect((await read(retrying(), 'file')).equals(bytes)).toBe(true)
    expect(gets()).toHaveLength(7)
  })

  it('fails when a part fails for good', async () => {
    const own = retrying()
    let last = 0
    const consume = async (chunks: AsyncIterable<Uint8Array>) => {
      for await (const chunk of chunks) {
        last += chunk.length
        if (last === chunk.length) faults.misbehave({ on: /^GET/, status: 503, code: 'SlowDown' })
      }
    }
    await expect(own.get('file', consume)).rejects.toMatchObject({ kind: 'transient' })
    expect(last % (8 * MIB)).toBe(0)
    expect(last).toBeLessThan(SIZE)
  })

  it('is a `conflict`, never a mixture, when the file is replaced meanwhile', async () => {
    let replaced = false
    const consume = async (chunks: AsyncIterable<Uint8Array>) => {
      for await (const _chunk of chunks) {
        if (!replaced) await open({}).put('file', bufferSource(content(SIZE + 1)))
        replaced = true
      }
    }
    await expect(open({ parallelParts: 2 }).get('file', consume)).rejects.toMatchObject({ kind: 'conflict' })
  })

  it('ends soon when it is aborted while a part does not come', async () => {
    const controller = new AbortController()
    const consume = async (chunks: AsyncIterable<Uint8Array>) => {
      for await (const _chunk of chunks) {
        faults.misbehave({ on: /^GET/, silent: true })
        setTimeout(() => controller.abort(), 50)
      }
    }
    const get = retrying().get('file', consume, { signal: controller.signal })
    await expect(get).rejects.toMatchObject({ kind: 'aborted' })
  })

  it('into a file that ended early leaves its beginning without a gap, and goes on from there', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'riastore-s3-'))
    onTestFinished(() => rm(directory, { recursive: true }))
    const file = join(directory, 'file')
    const key = parseKey(`WORM-s${SIZE}-m1--file`)
    // Another part than the first fails, while those after it have come.
    const broken = open({ parallelParts: 4 })
    let seen = 0
    const onProgress = (count: number) => {
      seen = count
      if (count < 8 * MIB) faults.misbehave({ on: /^GET/, cutAfter: 3 * MIB, times: 2 })
    }
    const options = { verify: false }
    const failed = retrieveToFile(looseCopy(broken, 'file', key.size), key, file, { ...options, onProgress })
    await expect(failed).rejects.toMatchObject({ kind: 'unreachable' })
    const part = await readFile(file)
    expect(part.length).toBe(seen)
    expect(part.equals(bytes.subarray(0, part.length))).toBe(true)
    faults.reset()
    await retrieveToFile(looseCopy(store, 'file', key.size), key, file, options)
    expect((await readFile(file)).equals(bytes)).toBe(true)
    await truncate(file, 40 * MIB)
    await writeFile(file, Buffer.from('x'), { flag: 'r+' })
    await retrieveToFile(looseCopy(store, 'file', key.size), key, file, options)
    expect((await readFile(file)).subarray(0, 1).toString()).toBe('x') // what was there is not read again
  })
})
