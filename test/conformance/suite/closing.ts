import { expect, it } from 'vitest'
import { bufferSource } from '../../../src/core/source.ts'
import { content, stallingSource } from '../../support/stores/hostile-sources.ts'
import { listed, read } from '../../support/stores/stores.ts'
import { type Bench, failure, give } from './bench.ts'

const LENGTH = 8 * 1024 * 1024

export function closing(bench: Bench, { writes, lists }: { writes: boolean; lists: boolean }): void {
  it('can be closed when it was never used, and twice', async () => {
    const { store } = await bench.open()
    await store.close()
    await store.close()
  })

  it('fails in all it is asked after it was closed', async () => {
    const subject = await bench.open()
    const { store } = subject
    await give(subject, 'file', 'content')
    expect(await store.stat('file')).toBeDefined()
    await store.close()
    await failure(store.stat('file'))
    await failure(store.stat('other'))
    await failure(store.statAll(['file']))
    await failure(read(store, 'file'))
    if (lists) await failure(listed(store.list('')))
    if (!writes) return
    await failure(store.put('other', bufferSource('x')))
    await failure(store.remove('file'))
    await failure(store.move('file', 'other'))
    await failure(store.append('file', Buffer.from('x')))
  })

  it('ends a get that is under way when it is closed', async () => {
    const subject = await bench.open()
    const { store } = subject
    await give(subject, 'file', content(LENGTH))
    let closed = Promise.resolve()
    const get = store.get('file', async (bytes) => {
      let first = true
      for await (const _ of bytes) {
        if (first) closed = store.close()
        first = false
        await new Promise((resolve) => setImmediate(resolve))
      }
    })
    await failure(get)
    await closed
  })

  if (writes) {
    it('ends a put that is under way when it is closed', async () => {
      const { store } = await bench.open()
      const source = stallingSource(100_000, 40_000)
      const put = failure(store.put('file', source))
      await source.stalled
      await store.close()
      await put
    })
  }
}
