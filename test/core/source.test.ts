import { appendFile, mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bufferSource, collect, fileSource } from '../../src/core/source.ts'
import { toFsPath } from '../../src/core/text.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'riastore-source-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(directory, name)
  await writeFile(path, content)
  return path
}

describe('a file as a source', () => {
  test('gives its content again each time that it is opened', async () => {
    const source = await fileSource(await file('twice', 'content'))
    expect(source.size).toBe(7)
    expect(await collect(source.open(), 100)).toEqual(Buffer.from('content'))
    expect(await collect(source.open(), 100)).toEqual(Buffer.from('content'))
  })

  test('is read in chunks of the size that was asked for', async () => {
    const lengths: number[] = []
    for await (const chunk of (await fileSource(await file('chunks', 'x'.repeat(25)), 10)).open()) {
      lengths.push(chunk.length)
    }
    expect(lengths).toEqual([10, 10, 5])
  })

  test('that is empty gives no chunk', async () => {
    const source = await fileSource(await file('empty', ''))
    expect(source.size).toBe(0)
    expect(await collect(source.open(), 0)).toHaveLength(0)
  })

  test('that grew since its size was taken gives one byte too much, so that it is noticed', async () => {
    const path = await file('grows', 'ten bytes.')
    const source = await fileSource(path)
    await appendFile(path, 'and many more')
    expect(await collect(source.open(), 100)).toHaveLength(source.size + 1)
  })

  test('that shrank gives less than its size', async () => {
    const path = await file('shrinks', 'ten bytes.')
    const source = await fileSource(path)
    await truncate(path, 4)
    expect(await collect(source.open(), 100)).toHaveLength(4)
  })

  test('may have a name that is not UTF-8', async () => {
    const path = toFsPath(join(directory, 'b\udcff'))
    await (await open(path, 'w')).close()
    expect((await fileSource(path)).size).toBe(0)
  })

  test('that is missing fails with the error of node', async () => {
    await expect(fileSource(join(directory, 'nowhere'))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('is closed when its reader stops half-way', async () => {
    const path = await file('half', 'x'.repeat(100))
    const openFiles = async () => (await import('node:fs')).readdirSync('/proc/self/fd').length
    const before = await openFiles()
    for await (const _chunk of (await fileSource(path, 10)).open()) break
    expect(await openFiles()).toBe(before)
  })

  test('stops when the signal aborts', async () => {
    const abort = new AbortController()
    const bytes = (await fileSource(await file('aborted', 'x'.repeat(100)), 10)).open(abort.signal)
    const read = async () => {
      for await (const _chunk of bytes) abort.abort(new Error('enough'))
    }
    await expect(read()).rejects.toThrow('enough')
  })
})

describe('a buffer as a source', () => {
  test('has the length of its bytes, not of its characters', async () => {
    const source = bufferSource('ä')
    expect(source.size).toBe(2)
    expect(await collect(source.open(), 2)).toEqual(Buffer.from('ä'))
  })
})

describe('collecting', () => {
  test('copies the chunks, which may be overwritten when the next is asked for', async () => {
    const shared = Buffer.from('ab')
    const bytes = (async function* () {
      yield shared
      shared.write('cd')
      yield shared
    })()
    expect((await collect(bytes, 4)).toString()).toBe('abcd')
  })

  test('gives up beyond its limit', async () => {
    await expect(collect(bufferSource('12345').open(), 4)).rejects.toThrow(RangeError)
    expect(await collect(bufferSource('1234').open(), 4)).toHaveLength(4)
  })
})
