import { expect, it } from 'vitest'
import type { Bench } from './bench.ts'

/** `moves`: also where a file goes from one name to the other meanwhile. */
export function looking(bench: Bench, { moves }: { moves: boolean }): void {
  it('finds of several files those that are there, each in its place', async () => {
    await bench.give(bench.at('a'), 'one')
    await bench.give(bench.at('d/b'), 'three')
    const paths = ['a', 'missing', 'd/b', 'd', 'no/such/file', 'a']
    const found = await bench.store.statAll(paths.map((path) => bench.at(path)))
    expect(found.map((stat) => stat?.size)).toEqual([3, undefined, 5, undefined, undefined, 3])
    expect(found[0]).toEqual(await bench.store.stat(bench.at('a')))
  })

  it('finds nothing among no files', async () => {
    expect(await bench.store.statAll([])).toEqual([])
  })

  if (!moves) return
  it('never misses a file that goes from an earlier path to a later one', async () => {
    const [from, to] = [bench.at('x/from'), bench.at('y/to')]
    await bench.give(bench.at('y/other'), 'x')
    for (let round = 0; round < 20; round++) {
      await bench.give(from, 'content')
      const looks = Array.from({ length: 10 }, () => bench.store.statAll([from, to]))
      const moved = bench.store.move(from, to)
      for (const found of await Promise.all([...looks, bench.store.statAll([from, to])])) {
        expect(found.some((stat) => stat !== undefined)).toBe(true)
      }
      await moved
      await bench.store.remove(to)
    }
  })
}
