import { expect, it } from 'vitest'
import { StoreError } from '../../../src/core/errors.ts'
import type { Source } from '../../../src/core/source.ts'
import type { Entry } from '../../../src/store/store.ts'
import {
  content,
  endlessSource,
  failingSource,
  longSource,
  SourceFailure,
  shortSource,
  stallingSource,
  unopenableSource,
} from '../../support/stores/hostile-sources.ts'
import { listed, read, write } from '../../support/stores/stores.ts'
import { type Bench, failure } from './bench.ts'

const LIARS: readonly [string, () => Source][] = [
  ['one byte too few', () => shortSource(content(50_000))],
  ['no bytes at all', () => ({ size: 10, async *open() {} })],
  ['only the half', () => shortSource(content(500_000), 500_000)],
  ['one byte too many', () => longSource(content(50_000))],
  ['bytes though it should be empty', () => longSource(content(10), 10)],
  ['bytes without end', () => endlessSource(100_000)],
]

const FAILURES: readonly [string, () => Source][] = [
  ['half-way', () => failingSource(100_000, 50_000)],
  ['before its first byte', () => failingSource(100_000, 0)],
  ['after its last byte', () => failingSource(50_000, 50_000)],
  ['when it is opened', () => unopenableSource(100)],
]

export function sources(bench: Bench, { lists }: { lists: boolean }): void {
  /** A backend may have an empty file ready for the next upload, where it was told to. */
  const leftBehind = async () => {
    const entries = await listed(bench.store.list(bench.at()))
    const isSpare = ({ path, size }: Entry) => size === 0 && path.startsWith(bench.at('transfer/'))
    return entries.filter((entry) => !isSpare(entry)).map(({ path }) => path)
  }

  /** Holds that a put which failed left all as it was, and that the store still works. */
  const expectUnchanged = async (put: (path: string) => Promise<void>) => {
    await write(bench.store, bench.at('old'), 'old content')
    // At once: a backend may take its time to remove what is left of an upload.
    await Promise.all(['new', 'old'].map((name) => put(bench.at(name))))
    expect(await bench.store.stat(bench.at('new'))).toBeUndefined()
    expect((await read(bench.store, bench.at('old'))).toString()).toBe('old content')
    if (lists) expect(await leftBehind()).toEqual([bench.at('old')])
    await write(bench.store, bench.at('old'), 'new content')
    expect((await read(bench.store, bench.at('old'))).toString()).toBe('new content')
  }

  it.each(LIARS)('refuses as `corrupt` a source that gives %s, and changes nothing', async (_name, create) => {
    await expectUnchanged(async (path) => {
      await failure(bench.store.put(path, create()), 'corrupt')
    })
    await bench.store.remove(bench.at('old'))
    await expectUnchanged(async (path) => {
      await failure(bench.store.put(path, create(), { temporary: bench.at('transfer') }), 'corrupt')
    })
  })

  it.each(FAILURES)('fails for the reason of a source that fails %s, and changes nothing', (_name, create) =>
    expectUnchanged(async (path) => {
      const error = await failure(bench.store.put(path, create(), { temporary: bench.at('transfer') }))
      expect(error.cause).toBeInstanceOf(SourceFailure)
      expect(['transient', 'unreachable']).not.toContain(error.kind)
    }),
  )

  it('passes on a StoreError of a source unchanged, and reads the source once', () =>
    expectUnchanged(async (path) => {
      const error = new StoreError({ kind: 'transient', op: 'get', where: 'another store', message: 'busy' })
      let opened = 0
      const source = failingSource(1000, 500, error)
      const open = () => {
        opened += 1
        return source.open()
      }
      expect(await failure(bench.store.put(path, { size: 1000, open }))).toBe(error)
      expect(opened).toBe(1)
    }))

  it('ends soon when it is aborted while a source stalls and does not listen, and changes nothing', () =>
    expectUnchanged(async (path) => {
      const controller = new AbortController()
      const source = stallingSource(100_000, 40_000)
      const put = bench.store.put(path, source, { signal: controller.signal, temporary: bench.at('transfer') })
      source.stalled.then(() => controller.abort())
      await failure(put, 'aborted')
      await settled()
    }))
}

/** Gives a backend the time to tidy up after a call that was aborted: "soon" is not "at once". */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 100))
}
