import { expect, it } from 'vitest'
import { StoreError } from '../../../src/core/errors.ts'
import { decode } from '../../../src/core/text.ts'
import { paths, read, write } from '../../support/stores/stores.ts'
import { type Bench, failure } from './bench.ts'

const NAMES: readonly [string, string][] = [
  ['spaces', ' with  spaces '],
  ['letters outside ASCII', 'Grüße/日本語/😀'],
  ['a letter with a combining mark', 'e\u0301 and \u00e9'],
  ['quotes and brackets', `'"\`()[]{}<>`],
  ['what URLs take for something else', 'a%41?b#c&d=e+f;g,h:i@j'],
  ['what a shell takes for something else', '$HOME `id` ; rm -rf * | & ! ~ \\ ^'],
  ['a key of git-annex', 'annex/objects/Xq/9k/MD5E-s10--d41d&s%s%%8.nii.gz/MD5E-s10--d41d&s%s%%8.nii.gz'],
  ['a dash first', '-rf'],
  ['a dot first and last', '.hidden.'],
  ['a tab and a line break', 'a\tb\nc'],
  ['200 letters', 'n'.repeat(200)],
]

export function naming(bench: Bench, { writes, lists }: { writes: boolean; lists: boolean }): void {
  const expectToWork = async (path: string) => {
    await bench.give(path, 'content')
    expect((await bench.store.stat(path))?.size).toBe(7)
    expect((await read(bench.store, path)).toString()).toBe('content')
    if (lists) expect(await paths(bench.store, bench.at())).toEqual([path])
    if (writes) await bench.store.remove(path)
    if (writes) expect(await bench.store.stat(path)).toBeUndefined()
  }

  it.each(NAMES)('takes a name with %s as it is', (_name, path) => expectToWork(bench.at(path)))

  it('takes a name that is not UTF-8 as it is, or says that it cannot', async () => {
    const path = bench.at(decode(Buffer.from([0x66, 0xff, 0xfe, 0x2f, 0x80, 0xc3, 0xa9])))
    const stat = await bench.store.stat(path).catch((error: unknown) => error)
    if (stat === undefined) return expectToWork(path)
    await failure(Promise.reject(stat), 'unsupported')
    if (writes) await failure(write(bench.store, path, 'x'), 'unsupported')
  })

  it('does not take two names for one that differ in their bytes only', async () => {
    const names = ['e\u0301', '\u00e9', 'E', 'e'].map(bench.at)
    for (const path of names) await bench.give(path, path)
    for (const path of names) expect((await read(bench.store, path)).toString()).toBe(path)
  })

  it('does not call a file absent whose name is too long for the backend', async () => {
    await bench.give(bench.at('n/file'), 'x') // in a directory that is missing it would be absent, and rightly so
    const path = bench.at(`n/${'n'.repeat(2000)}`)
    const looked = await bench.store.stat(path).catch((error: unknown) => error)
    if (looked instanceof StoreError) {
      await failure(read(bench.store, path))
      if (writes) await failure(write(bench.store, path, 'x'))
    } else {
      await bench.give(path, 'content') // it is not too long here
      expect((await read(bench.store, path)).toString()).toBe('content')
    }
  })

  it('fails on a name with a zero byte, which no file can have, or takes it as it is', async () => {
    const path = bench.at('a\0b')
    const looked = await bench.store.stat(path).catch((error: unknown) => error)
    if (looked instanceof StoreError) await failure(read(bench.store, path))
    else await expectToWork(path)
  })
}
