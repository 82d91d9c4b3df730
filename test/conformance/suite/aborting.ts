import { expect, it } from 'vitest'
import { bufferSource } from '../../../src/core/source.ts'
import { content } from '../../support/stores/hostile-sources.ts'
import { listed, paths, read, write } from '../../support/stores/stores.ts'
import { type Bench, failure } from './bench.ts'

const LENGTH = 4 * 1024 * 1024

export function aborting(bench: Bench, { writes, lists }: { writes: boolean; lists: boolean }): void {
  it('does nothing when its signal has aborted before', async () => {
    await bench.give(bench.at('file'), 'content')
    const signal = AbortSignal.abort()
    await failure(bench.store.stat(bench.at('file'), { signal }), 'aborted')
    await failure(read(bench.store, bench.at('file'), { signal }), 'aborted')
    if (lists) await failure(listed(bench.store.list(bench.at(), { signal })), 'aborted')
    if (!writes) return
    await failure(bench.store.put(bench.at('other'), bufferSource('x'), { signal }), 'aborted')
    await failure(bench.store.remove(bench.at('file'), { signal }), 'aborted')
    await failure(bench.store.append(bench.at('file'), Buffer.from('x'), { signal }), 'aborted')
    expect(await paths(bench.store, bench.at())).toEqual([bench.at('file')])
    expect((await read(bench.store, bench.at('file'))).toString()).toBe('content')
  })

  it('ends a get in the middle when its signal aborts, and goes on working', async () => {
    const bytes = content(LENGTH)
    await bench.give(bench.at('file'), bytes)
    const controller = new AbortController()
    const get = bench.store.get(
      bench.at('file'),
      async (bytes) => {
        for await (const _ of bytes) controller.abort()
      },
      { signal: controller.signal },
    )
    await failure(get, 'aborted')
    expect((await read(bench.store, bench.at('file'))).equals(bytes)).toBe(true)
  })

  it('can be aborted when all is over, without effect', async () => {
    await bench.give(bench.at('file'), 'content')
    const controller = new AbortController()
    const { signal } = controller
    await bench.store.stat(bench.at('file'), { signal })
    await read(bench.store, bench.at('file'), { signal })
    controller.abort()
    expect((await read(bench.store, bench.at('file'))).toString()).toBe('content')
  })

  if (writes) {
    it('ends a put in the middle when its signal aborts, and changes nothing', async () => {
      await write(bench.store, bench.at('file'), 'old')
      const controller = new AbortController()
      const bytes = content(LENGTH)
      const source = {
        size: LENGTH,
        async *open() {
          yield bytes.subarray(0, LENGTH / 2)
          controller.abort()
          yield bytes.subarray(LENGTH / 2)
        },
      }
      await failure(bench.store.put(bench.at('file'), source, { signal: controller.signal }), 'aborted')
      expect((await read(bench.store, bench.at('file'))).toString()).toBe('old')
    })
  }

  if (lists) {
    it('ends a list in the middle when its signal aborts', async () => {
      for (let i = 0; i < 20; i++) await bench.give(bench.at(`${i % 5}/${i}`), 'x')
      const controller = new AbortController()
      const stopAtFirst = async () => {
        for await (const _ of bench.store.list(bench.at(), { signal: controller.signal })) controller.abort()
      }
      await failure(stopAtFirst(), 'aborted')
      expect(await paths(bench.store, bench.at())).toHaveLength(20)
    })
  }
}
