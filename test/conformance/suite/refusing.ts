import { expect, it } from 'vitest'
import { bufferSource } from '../../../src/core/source.ts'
import { listed } from '../../support/stores/stores.ts'
import { type Bench, failure } from './bench.ts'

interface Can {
  readonly writes: boolean
  readonly lists: boolean
  readonly appends: boolean
  readonly moves: boolean
}

export function refusing(bench: Bench, { writes, lists, appends, moves }: Can): void {
  it('says in its traits whether it can be written to, and shows no credentials there', () => {
    expect(bench.store.traits.writable).toBe(writes)
    expect(bench.store.traits.maxInFlight).toBeGreaterThan(0)
    expect(bench.store.traits.root).not.toMatch(/:[^/@]*@/)
  })

  if (!writes) {
    it('is `unsupported` to write to, and nothing was sent', async () => {
      const attempts = [
        bench.store.put(bench.at('file'), bufferSource('x')),
        bench.store.remove(bench.at('file')),
        bench.store.append(bench.at('file'), Buffer.from('x')),
      ]
      for (const attempt of attempts) expect((await failure(attempt, 'unsupported')).sent).toBe('no')
    })
  }

  if (!lists) {
    it('is `unsupported` to list', async () => {
      await failure(listed(bench.store.list(bench.at())), 'unsupported')
    })
  }

  if (!moves) {
    it('is `unsupported` to rename files', async () => {
      await failure(bench.store.move(bench.at('from'), bench.at('to')), 'unsupported')
    })
  }

  if (writes && !appends) {
    it('is `unsupported` to append to', async () => {
      await failure(bench.store.append(bench.at('file'), Buffer.from('x')), 'unsupported')
    })
  }
}
