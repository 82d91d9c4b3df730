import { randomUUID } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { bufferSource, fileSource } from '../../../src/core/source.ts'
import { chunkedSource, content, reusingSource } from '../../support/stores/hostile-sources.ts'
import { paths, read, write } from '../../support/stores/stores.ts'
import { type Bench, failure } from './bench.ts'

const LONG_AGO_MS = 1_000_000_000_000

export function writing(bench: Bench, { appends, timesPuts }: { appends: boolean; timesPuts: boolean }): void {
  it('stores a file, makes its directories, and returns what stat says', async () => {
    const stat = await bench.store.put(bench.at('a/b/c/file'), bufferSource('content'))
    const seen = await bench.store.stat(bench.at('a/b/c/file'))
    expect(stat).toEqual(timesPuts ? seen : { ...seen, mtimeMs: undefined })
    expect(stat.size).toBe(7)
    expect((await read(bench.store, bench.at('a/b/c/file'))).toString()).toBe('content')
  })

  it('replaces a file with a shorter one and gives it another identity', async () => {
    const old = await bench.store.put(bench.at('file'), bufferSource(content(50_000)))
    const now = await bench.store.put(bench.at('file'), bufferSource('new'))
    expect(now.identity).not.toBe(old.identity)
    expect((await read(bench.store, bench.at('file'))).toString()).toBe('new')
  })

  it('tells truly which time a file got that was to have another', async () => {
    const stat = await bench.store.put(bench.at('file'), bufferSource('old'), { mtimeMs: LONG_AGO_MS })
    if (stat.mtimeMs !== undefined) expect(await bench.store.stat(bench.at('file'))).toEqual(stat)
  })

  it('stores an empty file', async () => {
    expect((await bench.store.put(bench.at('empty'), bufferSource(''))).size).toBe(0)
    expect(await read(bench.store, bench.at('empty'))).toHaveLength(0)
  })

  it.each([1, 1000, 65_536, 1_000_000])('stores what comes in chunks of %i bytes', async (chunkBytes) => {
    const bytes = content(chunkBytes === 1 ? 2000 : 1_234_567)
    await bench.store.put(bench.at('file'), chunkedSource(bytes, chunkBytes))
    expect((await read(bench.store, bench.at('file'))).equals(bytes)).toBe(true)
  })

  it('stores what comes in one buffer that is used again and again, with empty chunks between', async () => {
    const bytes = content(1_234_567)
    await bench.store.put(bench.at('file'), reusingSource(bytes, 10_000))
    expect((await read(bench.store, bench.at('file'))).equals(bytes)).toBe(true)
  })

  it('stores a local file, and refuses it when it has not the size that it should', async () => {
    const file = join(tmpdir(), `riastore-${randomUUID()}`)
    const bytes = content(700_000)
    await writeFile(file, bytes)
    try {
      const source = await fileSource(file)
      await bench.store.put(bench.at('file'), source)
      expect((await read(bench.store, bench.at('file'))).equals(bytes)).toBe(true)
      for (const size of [bytes.length - 1, bytes.length + 1]) {
        await failure(bench.store.put(bench.at('other'), { ...source, size }), 'corrupt')
        expect(await bench.store.stat(bench.at('other'))).toBeUndefined()
      }
    } finally {
      await rm(file)
    }
  })

  it('takes a directory for the temporary file and leaves nothing there', async () => {
    await bench.store.put(bench.at('keys/file'), bufferSource(content(100_000)), { temporary: bench.at('transfer') })
    expect(await paths(bench.store, bench.at())).toEqual([bench.at('keys/file')])
  })

  it('tells how far a put came, up to the whole length', async () => {
    const progress: number[] = []
    const onProgress = (bytes: number) => {
      progress.push(bytes)
    }
    await bench.store.put(bench.at('file'), chunkedSource(content(300_000), 50_000), { onProgress })
    expect(progress.at(-1)).toBe(300_000)
    expect(progress.toSorted((a, b) => a - b)).toEqual(progress)
  })

  it('stores a file only if there is none, when it is asked to and can', async () => {
    const put = (text: string) => bench.store.put(bench.at('file'), bufferSource(text), { ifAbsent: true })
    if (bench.store.traits.putIfAbsent === 'none') {
      await failure(put('first'), 'unsupported')
      return
    }
    await put('first')
    await failure(put('second'), 'conflict')
    expect((await read(bench.store, bench.at('file'))).toString()).toBe('first')
    await bench.store.remove(bench.at('file'))
    await put('third')
    expect((await read(bench.store, bench.at('file'))).toString()).toBe('third')
    expect(await paths(bench.store, bench.at())).toEqual([bench.at('file')])
  })

  if (appends) {
    it('appends to a file, and makes it and its directories first', async () => {
      await bench.store.append(bench.at('logs/log'), Buffer.from('one\n'))
      await bench.store.append(bench.at('logs/log'), Buffer.from('two\n'))
      await write(bench.store, bench.at('other'), 'zero\n')
      await bench.store.append(bench.at('other'), Buffer.from('one\n'))
      expect((await read(bench.store, bench.at('logs/log'))).toString()).toBe('one\ntwo\n')
      expect((await read(bench.store, bench.at('other'))).toString()).toBe('zero\none\n')
    })
  }
}
