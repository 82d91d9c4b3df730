import { expect, it } from 'vitest'
import { bufferSource, collect } from '../../../src/core/source.ts'
import { chunkedSource, content } from '../../support/stores/hostile-sources.ts'
import { paths, read } from '../../support/stores/stores.ts'
import { type Bench, failure } from './bench.ts'

export function racing(bench: Bench): void {
  it('shows the old content whole, or none of the new, to who reads while the file is replaced', async () => {
    const [old, now] = [content(1_000_000, 1), content(1_000_000, 2)]
    await bench.store.put(bench.at('file'), bufferSource(old))
    let seen: Buffer = Buffer.alloc(0)
    const reading = bench.store.get(bench.at('file'), async (bytes) => {
      let replaced = false
      const slowly = async function* () {
        for await (const chunk of bytes) {
          yield chunk
          if (!replaced) await bench.store.put(bench.at('file'), bufferSource(now))
          replaced = true
        }
      }
      seen = await collect(slowly(), 2_000_000)
    })
    // A backend that cannot hold on to the old content says so.
    const outcome = await reading.then(
      () => seen.equals(old),
      (error: unknown) => failure(Promise.reject(error), 'conflict', 'corrupt', 'missing'),
    )
    expect(outcome).not.toBe(false)
    expect((await read(bench.store, bench.at('file'))).equals(now)).toBe(true)
  })

  it('never shows a part of a file that is being stored', async () => {
    const bytes = content(1_000_000)
    let storing = true
    const put = bench.store.put(bench.at('file'), chunkedSource(bytes, 20_000)).finally(() => {
      storing = false
    })
    while (storing) {
      const stat = await bench.store.stat(bench.at('file'))
      expect(stat?.size ?? bytes.length).toBe(bytes.length)
      await new Promise((resolve) => setImmediate(resolve)) // a store that answers at once would let nothing else go on
    }
    await put
    expect((await bench.store.stat(bench.at('file')))?.size).toBe(bytes.length)
  })

  it('leaves one whole file when several are stored under one name at once', async () => {
    const contents = Array.from({ length: 8 }, (_, i) => content(200_000 + i, i))
    await Promise.all(contents.map((bytes) => bench.store.put(bench.at('file'), chunkedSource(bytes, 30_000))))
    const winner = await read(bench.store, bench.at('file'))
    expect(contents.filter((bytes) => bytes.equals(winner))).toHaveLength(1)
    expect(await paths(bench.store, bench.at())).toEqual([bench.at('file')])
  })

  it('lets exactly one of several win who store a file if it is absent', async () => {
    const atomic = bench.store.traits.putIfAbsent === 'atomic'
    const contents = Array.from({ length: 8 }, (_, i) => content(50_000, i))
    const put = (bytes: Buffer) => bench.store.put(bench.at('file'), chunkedSource(bytes, 7000), { ifAbsent: true })
    const results = await Promise.allSettled(contents.map(put))
    const winners = contents.filter((_, i) => results[i]?.status === 'fulfilled')
    expect(winners).toHaveLength(atomic ? 1 : 0)
    for (const result of results) {
      if (result.status === 'rejected') {
        await failure(Promise.reject(result.reason), atomic ? 'conflict' : 'unsupported')
      }
    }
    const stored = atomic ? await read(bench.store, bench.at('file')) : undefined
    expect(stored).toEqual(winners[0])
  })

  it('stores many files in one new directory at once', async () => {
    const names = Array.from({ length: 40 }, (_, i) => bench.at(`new/${i % 7}/file${i}`))
    await Promise.all(names.map((path) => bench.store.put(path, bufferSource(path))))
    expect(await paths(bench.store, bench.at())).toEqual(names.toSorted())
  })

  it('stores and removes files in one directory at once, though it is pruned when it is empty', async () => {
    await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const path = bench.at(`a/b/file${i}`)
        await bench.store.put(path, bufferSource(path))
        await bench.store.remove(path, { pruneParents: 2 })
      }),
    )
    expect(await paths(bench.store, bench.at())).toEqual([])
  })
}
