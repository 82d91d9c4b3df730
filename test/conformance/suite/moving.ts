import { expect, it } from 'vitest'
import { paths, read, write } from '../../support/stores/stores.ts'
import { type Bench, failure } from './bench.ts'

export function moving(bench: Bench): void {
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
      const reads = Array.from({ length: 4 }, () => read(bench.store, target))
      await Promise.all([bench.store.move(bench.at('d/new'), target), ...reads])
      for (const content of await Promise.all(reads)) {
        expect([`content ${round - 1}`, `content ${round}`]).toContain(content.toString())
      }
    }
    expect(await paths(bench.store, bench.at())).toEqual([target])
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

  it('tells of free space a number of bytes or nothing, also where there is no directory yet', async () => {
    for (const directory of [bench.at(), bench.at('no/such/directory')]) {
      const free = await bench.store.freeBytes(directory)
      if (free !== undefined) expect(free).toBeGreaterThan(0)
    }
  })
}
