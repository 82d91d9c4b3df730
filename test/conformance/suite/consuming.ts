import { expect, it } from 'vitest'
import { StoreError } from '../../../src/core/errors.ts'
import { content } from '../../support/stores/hostile-sources.ts'
import { read } from '../../support/stores/stores.ts'
import { type Bench, failure } from './bench.ts'

const LENGTH = 2 * 1024 * 1024

/** Errors of a consumer that a careless backend or wrapper would take for its own. */
const ERRORS: readonly [string, () => unknown][] = [
  ['an Error', () => new Error('no space left for the file')],
  ['a TypeError', () => new TypeError('fetch failed')],
  ['an error with a code', () => Object.assign(new Error('no such file'), { code: 'ENOENT' })],
  ['a StoreError', () => new StoreError({ kind: 'transient', op: 'put', where: 'another store', message: 'busy' })],
  ['a string', () => 'only a string'],
]

export function consuming(bench: Bench): void {
  for (const [name, create] of ERRORS) {
    it(`passes on unchanged ${name} that the consumer throws, and calls it once`, async () => {
      await bench.give(bench.at('file'), content(LENGTH))
      for (const moment of ['at once', 'half-way', 'at the end']) {
        const error = create()
        let calls = 0
        const promise = bench.store.get(bench.at('file'), async (bytes) => {
          calls += 1
          if (moment === 'at once') throw error
          for await (const _ of bytes) if (moment === 'half-way') throw error
          throw error
        })
        expect(await promise.catch((thrown: unknown) => thrown)).toBe(error)
        expect(calls).toBe(1)
      }
      expect(await read(bench.store, bench.at('file'))).toHaveLength(LENGTH)
    })
  }

  it('does not resolve when the consumer leaves bytes unread', async () => {
    await bench.give(bench.at('file'), content(LENGTH))
    const readOne = async (bytes: AsyncIterable<Uint8Array>) => {
      for await (const _ of bytes) return
    }
    await failure(bench.store.get(bench.at('file'), readOne))
    await failure(bench.store.get(bench.at('file'), async () => {}))
    expect(await read(bench.store, bench.at('file'))).toHaveLength(LENGTH)
  })

  it('waits for a consumer that is slow', async () => {
    await bench.give(bench.at('file'), content(LENGTH))
    let done = false
    await bench.store.get(bench.at('file'), async (bytes) => {
      let chunks = 0
      for await (const _ of bytes) if (chunks++ < 3) await new Promise((resolve) => setTimeout(resolve, 10))
      await new Promise((resolve) => setTimeout(resolve, 10))
      done = true
    })
    expect(done).toBe(true)
  })

  it('lets a consumer use the store', async () => {
    await bench.give(bench.at('index'), content(100_000))
    await bench.give(bench.at('part'), 'part')
    let part = ''
    await bench.store.get(bench.at('index'), async (bytes) => {
      for await (const _ of bytes) part ||= (await read(bench.store, bench.at('part'))).toString()
    })
    expect(part).toBe('part')
  })
}
