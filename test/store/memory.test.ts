import { describe, expect, it } from 'vitest'
import { openMemoryStore } from '../../src/store/memory.ts'
import { content } from '../support/stores/hostile-sources.ts'
import { write } from '../support/stores/stores.ts'

describe('the memory store', () => {
  it('takes back a chunk when the next one is asked for, so that nobody relies on keeping it', async () => {
    const store = openMemoryStore()
    const bytes = content(100_000)
    await write(store, 'file', bytes)
    const kept: Uint8Array[] = []
    await store.get('file', async (chunks) => {
      for await (const chunk of chunks) kept.push(chunk)
    })
    expect(kept.length).toBeGreaterThan(2)
    expect(Buffer.concat(kept).equals(bytes)).toBe(false)
  })

  it('is not changed by a receiver that writes into a chunk', async () => {
    const store = openMemoryStore()
    await write(store, 'file', 'content')
    const readOnce = async () => {
      let text = ''
      await store.get('file', async (chunks) => {
        for await (const chunk of chunks) {
          text += Buffer.from(chunk).toString()
          chunk.fill(0)
        }
      })
      return text
    }
    expect(await readOnce()).toBe('content')
    expect(await readOnce()).toBe('content')
  })
})
