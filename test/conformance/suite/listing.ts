import { expect, it } from 'vitest'
import { listed, paths } from '../../support/stores/stores.ts'
import { type Bench, firstOf } from './bench.ts'

/** `namesAtOnce`: see Abilities. */
export function listing(bench: Bench, { writes, namesAtOnce }: { writes: boolean; namesAtOnce: number }): void {
  it('lists all files of a deep tree, each once, as stat sees them', async () => {
    const files = ['f', 'a/f', 'a/b/f', 'a/b/c/d/e/f/g/h/f', 'z/f'].map(bench.at)
    for (const [i, path] of files.entries()) await bench.give(path, 'x'.repeat(i))
    const entries = await listed(bench.store.list(bench.at()))
    expect(entries.map(({ path }) => path).sort()).toEqual(files.toSorted())
    // What an entry tells besides is not asked of a stat.
    for (const { path, permissions: _, target: __, ...stat } of entries) {
      expect(stat).toEqual(await bench.store.stat(path))
    }
  })

  it('lists what is below a directory, not what only begins like its name', async () => {
    for (const path of ['ab/f', 'a/f', 'a.b/f', 'a']) if (path !== 'a') await bench.give(bench.at(path), 'x')
    expect(await paths(bench.store, bench.at('a'))).toEqual([bench.at('a/f')])
  })

  it('lists nothing for a directory that is not there, and for a file', async () => {
    await bench.give(bench.at('file'), 'x')
    expect(await paths(bench.store, bench.at('no/such'))).toEqual([])
    expect(await paths(bench.store, bench.at('file/below'))).toEqual([])
    expect(await paths(bench.store, bench.at('file'))).toEqual([])
  })

  it('lists the whole store from its root', async () => {
    await bench.give(bench.at('here/file'), 'x')
    expect(await paths(bench.store, '')).toContain(bench.at('here/file'))
  })

  it('lists what is directly in a directory: files as a listing has them, and directories', async () => {
    for (const path of ['top', 'a/f', 'a/b/f', 'ab/c/f', 'a.b/f']) await bench.give(bench.at(path), 'x')
    expect(await children(bench, bench.at())).toEqual({ files: ['top'], directories: ['a', 'a.b', 'ab'] })
    expect(await children(bench, bench.at('a'))).toEqual({ files: ['f'], directories: ['b'] })
    for await (const { file } of bench.store.children(bench.at('a/b'))) {
      expect([file]).toEqual(await listed(bench.store.list(bench.at('a/b'))))
    }
  })

  it('finds nothing directly in a directory that is not there, nor in a file', async () => {
    await bench.give(bench.at('file'), 'x')
    for (const path of ['no/such', 'file', 'file/below']) {
      expect(await children(bench, bench.at(path))).toEqual({ files: [], directories: [] })
    }
  })

  it('finds the directories at the root of the store', async () => {
    await bench.give(bench.at('here/file'), 'x')
    const found = await listed(bench.store.children(''))
    expect(found).toContainEqual({ path: bench.at(), file: undefined })
    expect(found.filter(({ path }) => path.includes('/'))).toEqual([])
  })

  it('names each directory once, also where there are more than a page or a directory read holds', async () => {
    const names = Array.from({ length: namesAtOnce + 100 }, (_, i) => `d${i}`)
    for (let i = 0; i < names.length; i += 40) {
      await Promise.all(names.slice(i, i + 40).map((name) => bench.give(bench.at(`${name}/f`), '')))
    }
    expect((await children(bench, bench.at())).directories).toEqual(names.toSorted())
  })

  it('lists more files than a page or a directory read holds', async () => {
    const files = Array.from({ length: namesAtOnce + 300 }, (_, i) => bench.at(`${i % 3}/file${i}`))
    for (let i = 0; i < files.length; i += 40) {
      await Promise.all(files.slice(i, i + 40).map((path) => bench.give(path, '')))
    }
    expect(await paths(bench.store, bench.at())).toEqual(files.toSorted())
  })

  it('lets its reader stop, and can be read again', async () => {
    for (let i = 0; i < 20; i++) await bench.give(bench.at(`${i}`), 'x')
    const entries = bench.store.list(bench.at())
    expect(await firstOf(entries)).toBeDefined()
    expect(await paths(bench.store, bench.at())).toHaveLength(20)
  })

  if (writes) {
    it('lets its reader remove what it gives', async () => {
      for (let i = 0; i < 50; i++) await bench.give(bench.at(`directory/${i}`), 'x')
      for await (const { path } of bench.store.list(bench.at())) await bench.store.remove(path, { pruneParents: 1 })
      expect(await paths(bench.store, bench.at())).toEqual([])
    })
  }
}

async function children({ store }: Bench, directory: string) {
  const found = await listed(store.children(directory))
  const names = (some: typeof found) => some.map(({ path }) => path.slice(directory.length + 1)).sort()
  const isFile = ({ file }: (typeof found)[number]) => file !== undefined
  return { files: names(found.filter(isFile)), directories: names(found.filter((child) => !isFile(child))) }
}
