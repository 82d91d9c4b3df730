import { expect, it } from 'vitest'
import { paths, write } from '../../support/stores/stores.ts'
import type { Bench } from './bench.ts'

export function removing(bench: Bench, { prunes }: { prunes: boolean }): void {
  it('removes a file and nothing else', async () => {
    await write(bench.store, bench.at('a/file'), 'x')
    await write(bench.store, bench.at('a/file2'), 'x')
    await bench.store.remove(bench.at('a/file'))
    expect(await bench.store.stat(bench.at('a/file'))).toBeUndefined()
    expect(await paths(bench.store, bench.at())).toEqual([bench.at('a/file2')])
  })

  it('succeeds when there is no such file', async () => {
    await write(bench.store, bench.at('file'), 'x')
    for (const path of ['other', 'no/such/directory/file', 'file/below']) {
      await bench.store.remove(bench.at(path))
      await bench.store.remove(bench.at(path), { pruneParents: 2 })
    }
    expect(await paths(bench.store, bench.at())).toEqual([bench.at('file')])
  })

  if (prunes) {
    it('removes parent directories that are empty then, so that a file can have their name', async () => {
      await write(bench.store, bench.at('a/b/c/file'), 'x')
      await bench.store.remove(bench.at('a/b/c/file'), { pruneParents: 2 })
      await write(bench.store, bench.at('a/b'), 'a file now')
      expect(await paths(bench.store, bench.at())).toEqual([bench.at('a/b')])
    })
  }

  it('keeps parent directories that are not empty', async () => {
    await write(bench.store, bench.at('a/b/c/file'), 'x')
    await write(bench.store, bench.at('a/b/other'), 'x')
    await bench.store.remove(bench.at('a/b/c/file'), { pruneParents: 3 })
    expect(await paths(bench.store, bench.at())).toEqual([bench.at('a/b/other')])
  })

  if (prunes) {
    it('prunes the parents of a file that is absent, where that is possible', async () => {
      await write(bench.store, bench.at('a/b/file'), 'x')
      await bench.store.remove(bench.at('a/b/file'))
      await bench.store.remove(bench.at('a/b/file'), { pruneParents: 2 })
      await write(bench.store, bench.at('a'), 'a file now')
      expect(await paths(bench.store, bench.at())).toEqual([bench.at('a')])
    })
  }

  it('never removes what is below a directory that it is asked to remove', async () => {
    await write(bench.store, bench.at('a/b/file'), 'x')
    await bench.store.remove(bench.at('a/b')).catch(() => {})
    expect(await paths(bench.store, bench.at())).toEqual([bench.at('a/b/file')])
  })
}
