import { expect, it } from 'vitest'
import type { Stat } from '../../../src/store/store.ts'
import { content } from '../../support/stores/hostile-sources.ts'
import { read } from '../../support/stores/stores.ts'
import { type Bench, failure } from './bench.ts'

export function reading(bench: Bench, { identityMs }: { identityMs: number }): void {
  it('gives the size, the time and the identity of a file', async () => {
    await bench.give(bench.at('file'), 'twelve bytes')
    const stat = await bench.store.stat(bench.at('file'))
    expect(stat?.size).toBe(12)
    expect(stat?.identity).toBeTypeOf('string')
    expect(await bench.store.stat(bench.at('file'))).toEqual(stat)
    // Some clocks tick in seconds, and they are not ours.
    if (stat?.mtimeMs !== undefined) expect(Math.abs(stat.mtimeMs - Date.now())).toBeLessThan(3_600_000)
  })

  it('finds a file that is not there absent', async () => {
    await bench.give(bench.at('file'), 'x')
    expect(await bench.store.stat(bench.at('other'))).toBeUndefined()
  })

  it('finds a file absent when its directories are not there either', async () => {
    expect(await bench.store.stat(bench.at('no/such/directory/file'))).toBeUndefined()
  })

  it('finds a file absent whose parent is a file', async () => {
    await bench.give(bench.at('file'), 'x')
    expect(await bench.store.stat(bench.at('file/below'))).toBeUndefined()
  })

  it('finds a directory absent, for it is no file', async () => {
    await bench.give(bench.at('directory/file'), 'x')
    expect(await bench.store.stat(bench.at('directory'))).toBeUndefined()
  })

  it.each([1, 4095, 65_536, 3 * 1024 * 1024 + 17])('reads a file of %i bytes as it was stored', async (length) => {
    const stored = content(length)
    await bench.give(bench.at('file'), stored)
    expect((await read(bench.store, bench.at('file'))).equals(stored)).toBe(true)
  })

  it('gives the consumer of a get what stat would say', async () => {
    await bench.give(bench.at('file'), content(5000))
    const seen: Stat[] = []
    await bench.store.get(bench.at('file'), async (bytes, stat) => {
      seen.push(stat)
      for await (const _ of bytes);
    })
    expect(seen).toEqual([await bench.store.stat(bench.at('file'))])
  })

  it('reads an empty file by one call of the consumer, without any bytes', async () => {
    await bench.give(bench.at('empty'), '')
    let calls = 0
    let length = 0
    await bench.store.get(bench.at('empty'), async (bytes, stat) => {
      calls += 1
      expect(stat.size).toBe(0)
      for await (const chunk of bytes) length += chunk.length
    })
    expect({ calls, length }).toEqual({ calls: 1, length: 0 })
    expect((await bench.store.stat(bench.at('empty')))?.size).toBe(0)
  })

  it('fails with `missing` when the file to read is not there, without calling the consumer', async () => {
    await bench.give(bench.at('directory/file'), 'x')
    let called = false
    const consume = async () => {
      called = true
    }
    for (const path of ['other', 'no/such/directory', 'directory', 'directory/file/below']) {
      await failure(bench.store.get(bench.at(path), consume), 'missing')
    }
    expect(called).toBe(false)
  })

  it('reads many files at once, each with its own content', async () => {
    const files = Array.from({ length: 20 }, (_, i) => ({ path: bench.at(`file ${i}`), bytes: content(20_000 + i, i) }))
    for (const { path, bytes } of files) await bench.give(path, bytes)
    const contents = await Promise.all(files.map(({ path }) => read(bench.store, path)))
    expect(contents.map((bytes, i) => files[i]?.bytes.equals(bytes))).toEqual(files.map(() => true))
  })

  it('tells how far a get came, up to the whole length', async () => {
    await bench.give(bench.at('file'), content(300_000))
    const progress: number[] = []
    await read(bench.store, bench.at('file'), { onProgress: (bytes) => progress.push(bytes) })
    expect(progress.toSorted((a, b) => a - b)).toEqual(progress)
    expect(progress.at(-1)).toBe(300_000)
  })

  it('reads a file only if its identity is the expected one', async () => {
    await bench.give(bench.at('file'), 'content')
    const stat = await bench.store.stat(bench.at('file'))
    const bytes = await read(bench.store, bench.at('file'), { ifMatch: stat?.identity ?? '' })
    expect(bytes.toString()).toBe('content')
    const part = await read(bench.store, bench.at('file'), { ifMatch: stat?.identity ?? '', range: { start: 3 } })
    expect(part.toString()).toBe('tent')
  })

  it('fails with `conflict` when the file was replaced, even by one of the same size, without calling the consumer', async () => {
    await bench.give(bench.at('file'), 'content')
    const old = await bench.store.stat(bench.at('file'))
    await new Promise((resolve) => setTimeout(resolve, identityMs))
    await bench.give(bench.at('file'), 'CONTENT')
    expect((await bench.store.stat(bench.at('file')))?.identity).not.toBe(old?.identity)
    const consume = async () => expect.fail('the consumer was called')
    const ifMatch = old?.identity ?? ''
    await failure(bench.store.get(bench.at('file'), consume, { ifMatch }), 'conflict')
    await failure(bench.store.get(bench.at('file'), consume, { ifMatch, range: { start: 2, end: 4 } }), 'conflict')
    await failure(bench.store.get(bench.at('file'), consume, { ifMatch, range: { start: 7 } }), 'conflict')
  })
}
