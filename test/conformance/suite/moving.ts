import { expect, it } from 'vitest'
import { isStoreError, StoreError } from '../../../src/core/errors.ts'
import { bufferSource } from '../../../src/core/source.ts'
import { removeFiles } from '../../../src/store/remove-files.ts'
import { paths, read, write } from '../../support/stores/stores.ts'
import { type Bench, failure } from './bench.ts'

interface Can {
  readonly prunes: boolean
  readonly replacesWithGap: boolean
}

export function moving(bench: Bench, { prunes, replacesWithGap }: Can): void {
  it('renames a file, also into another directory', async () => {
    await write(bench.store, bench.at('a/from'), 'content')
    await write(bench.store, bench.at('b/other'), 'x')
    await bench.store.move(bench.at('a/from'), bench.at('b/to'))
    expect((await read(bench.store, bench.at('b/to'))).toString()).toBe('content')
    expect(await paths(bench.store, bench.at())).toEqual([bench.at('b/other'), bench.at('b/to')])
  })

  it('replaces what is there, and nobody sees anything but the old content or the new', async () => {
    const target = bench.at('d/target')
    await write(bench.store, target, 'content 0')
    for (let round = 1; round <= 20; round++) {
      await write(bench.store, bench.at('d/new'), `content ${round}`)
      const reads = Array.from({ length: 4 }, () =>
        read(bench.store, target).catch((error: unknown) => {
          if (replacesWithGap && isStoreError(error, 'missing')) return undefined
          throw error
        }),
      )
      await Promise.all([bench.store.move(bench.at('d/new'), target), ...reads])
      for (const content of await Promise.all(reads)) {
        if (content === undefined) continue
        expect([`content ${round - 1}`, `content ${round}`]).toContain(content.toString())
      }
    }
    expect(await paths(bench.store, bench.at())).toEqual([target])
  })

  it('leaves a file as it is that gets its own name', async () => {
    await write(bench.store, bench.at('d/file'), 'content')
    await bench.store.move(bench.at('d/file'), bench.at('d/file'))
    expect((await read(bench.store, bench.at('d/file'))).toString()).toBe('content')
    await failure(bench.store.move(bench.at('d/missing'), bench.at('d/missing')), 'missing')
  })

  it('fails with `missing` when there is no such file, and changes nothing', async () => {
    await write(bench.store, bench.at('target'), 'content')
    await failure(bench.store.move(bench.at('missing'), bench.at('target')), 'missing')
    expect((await read(bench.store, bench.at('target'))).toString()).toBe('content')
  })

  it('fails when the directory is not there, and the file stays where it is', async () => {
    await write(bench.store, bench.at('file'), 'content')
    const moved = await bench.store.move(bench.at('file'), bench.at('no/such/directory/file')).catch(() => 'failed')
    const [left] = await paths(bench.store, bench.at())
    expect(left).toBe(bench.at(moved === 'failed' ? 'file' : 'no/such/directory/file'))
  })

  it('makes the directory of the target below another, and removes those that are empty then', async () => {
    await write(bench.store, bench.at('a/b/c/file'), 'content')
    await write(bench.store, bench.at('a/other'), 'x')
    const options = { within: bench.at(), pruneParents: 3, flush: false }
    await bench.store.move(bench.at('a/b/c/file'), bench.at('new/directory/file'), options)
    expect((await read(bench.store, bench.at('new/directory/file'))).toString()).toBe('content')
    expect(await paths(bench.store, bench.at())).toEqual([bench.at('a/other'), bench.at('new/directory/file')])
    if (bench.store.traits.flat) return
    await write(bench.store, bench.at('file'), 'x')
    // It is gone, and not made again.
    if (prunes) await failure(bench.store.move(bench.at('file'), bench.at('a/b/file')), 'missing')
    await failure(bench.store.move(bench.at('file'), bench.at('no/such/file'), { within: bench.at('no') }), 'missing')
  })

  it('changes nothing when it may not, as is asked right before', async () => {
    await write(bench.store, bench.at('from'), 'content')
    const refusal = new StoreError({ kind: 'conflict', op: 'test', where: 'here', message: 'it may not', sent: 'no' })
    const mayChange = () => {
      throw refusal
    }
    for (const change of [
      () => bench.store.move(bench.at('from'), bench.at('to'), { mayChange }),
      () => bench.store.remove(bench.at('from'), { mayChange }),
      () => removeFiles(bench.store, [bench.at('from'), bench.at('to')], { mayChange }),
      () => bench.store.put(bench.at('from'), bufferSource('other'), { mayChange }),
    ]) {
      expect(await failure(change(), 'conflict')).toMatchObject({ reason: 'it may not' })
    }
    expect(await paths(bench.store, bench.at())).toEqual([bench.at('from')])
    expect((await read(bench.store, bench.at('from'))).toString()).toBe('content')
  })

  it('tells of free space a number of bytes or nothing, also where there is no directory yet', async () => {
    for (const directory of [bench.at(), bench.at('no/such/directory')]) {
      const free = await bench.store.freeBytes(directory)
      if (free !== undefined) expect(free).toBeGreaterThan(0)
    }
  })
}
