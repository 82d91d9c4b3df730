import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Bandwidth } from '../../../src/core/bandwidth.ts'
import { bufferSource } from '../../../src/core/source.ts'
import type { AtOnce } from '../../../src/store/at-once.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import type { Store } from '../../../src/store/store.ts'
import { withBandwidth } from '../../../src/store/wrappers/bandwidth.ts'
import { withFaults } from '../../../src/store/wrappers/faulty.ts'
import { withLimit } from '../../../src/store/wrappers/limit.ts'
import { withRetry } from '../../../src/store/wrappers/retry.ts'
import { withStrictLinks } from '../../../src/store/wrappers/strict-links.ts'
import { withTrace } from '../../../src/store/wrappers/trace.ts'
import { withWatchdog } from '../../../src/store/wrappers/watchdog.ts'
import { openUsedStore } from '../../support/stores/at-once.ts'
import { temporaryDirectory } from '../../support/stores/stores.ts'

const CONTENT = Buffer.from('the content')
const PUT = { within: 'a', temporary: 'a/uploads' }

let root: string
let tidyUp: () => Promise<void>
let store: Store
const atOnce = (): AtOnce => {
  if (store.atOnce === undefined) throw new Error('it is on a disk, so there is a way at once')
  return store.atOnce
}
const at = (path: string) => `${root}/${path}`

beforeEach(async () => {
  const { path, remove } = await temporaryDirectory()
  root = `${path}/store`
  tidyUp = remove
  mkdirSync(at('a/uploads'), { recursive: true })
  mkdirSync(at('elsewhere'))
  store = await openUsedStore(root)
})

afterEach(async () => {
  await store.close()
  await tidyUp()
})

describe('looking at once', () => {
  test('sees what looking in the ordinary way sees', async () => {
    mkdirSync(at('a/b/c'), { recursive: true })
    writeFileSync(at('a/b/file'), CONTENT)
    const paths = ['a/b/file', 'a/b/nothing', 'a/b/c', 'x/y', 'a/b/file/below', 'a/b/file']
    const seen = await store.statAll(paths)
    expect(seen.map((stat) => stat?.size)).toEqual([11, undefined, undefined, undefined, undefined, 11])
    expect(atOnce().statAll(paths)).toEqual(seen)
  })

  test.each([
    ['a link', () => symlinkSync('b/file', at('a/link')), 'a/link'],
    ['a link on the way', () => symlinkSync('b', at('a/link')), 'a/link/file'],
    ['a name with a NUL', () => {}, 'a/b\0'],
  ])('says nothing of %s', (_what, make, path) => {
    mkdirSync(at('a/b'))
    writeFileSync(at('a/b/file'), CONTENT)
    make()
    expect(atOnce().statAll(['a/b/file', path])).toBeUndefined()
    expect(atOnce().read(path, CONTENT.length)).toBeUndefined()
  })

  test('says nothing of what is no file', async () => {
    const server = createServer().listen(at('a/socket'))
    await once(server, 'listening')
    try {
      expect(atOnce().statAll(['a/socket'])).toBeUndefined()
      expect(atOnce().read('a/socket', 0)).toBeUndefined()
    } finally {
      server.close()
    }
  })

  test('reads a file of the right length, and no other', () => {
    writeFileSync(at('a/file'), CONTENT)
    expect(Buffer.from(atOnce().read('a/file', 11) ?? [])).toEqual(CONTENT)
    expect(atOnce().read('a/file', 10)).toBeUndefined()
    expect(atOnce().read('a/file', 12)).toBeUndefined()
    expect(atOnce().read('a', 11)).toBeUndefined()
  })
})

/** What there is below a directory, with the modes. */
function tree(path: string): Record<string, string> {
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' }).sort()
  return Object.fromEntries(names.map((name) => [name, statSync(`${path}/${name}`).mode.toString(8)]))
}

describe('storing at once', () => {
  test.each([
    ['', undefined],
    [' shared with a group', { mode: 0o660, force: false }],
    [' for its owner alone', { mode: 0o600, force: true }],
  ])('leaves what storing in the ordinary way leaves%s', async (_how, sharing) => {
    const stat = await atOnce().put('a/at-once/c/file', CONTENT, { ...PUT, sharing })
    await store.put('a/slowly/c/file', bufferSource(CONTENT), { ...PUT, sharing })
    expect(stat).toEqual(await store.stat('a/at-once/c/file'))
    expect(readFileSync(at('a/at-once/c/file'))).toEqual(CONTENT)
    expect(tree(at('a/at-once'))).toEqual(tree(at('a/slowly')))
    expect(statSync(at('a/at-once')).mode).toBe(statSync(at('a/slowly')).mode)
    expect(readdirSync(at('a/uploads'))).toEqual([])
  })

  test('replaces what is there, also an empty file and by nothing', () => {
    for (const content of [Buffer.alloc(0), CONTENT, Buffer.alloc(0)]) {
      expect(atOnce().put('a/b/file', content, PUT)).toMatchObject({ size: content.length })
      expect(readFileSync(at('a/b/file'))).toEqual(content)
    }
  })

  test.each([
    ['a directory on the way is a link', () => symlinkSync('uploads', at('a/b'))],
    ['a directory on the way is a file', () => writeFileSync(at('a/b'), '')],
    ['a directory has its place', () => mkdirSync(at('a/b/file'), { recursive: true })],
    ['the directory that it may make others in is gone', () => rmSync(at('a'), { recursive: true })],
    ['the directory for uploads is not there yet', () => rmSync(at('a/uploads'), { recursive: true })],
    [
      'the directory for uploads is a link',
      () => {
        rmSync(at('a/uploads'), { recursive: true })
        symlinkSync('../elsewhere', at('a/uploads'))
      },
    ],
  ])('stores nothing and leaves no temporary file when %s', (_what, make) => {
    make()
    const before = tree(root)
    expect(atOnce().put('a/b/file', CONTENT, PUT)).toBeUndefined()
    expect(tree(root)).toEqual(before)
  })

  test('makes a directory again that somebody removed since', async () => {
    expect(atOnce().put('a/b/file', CONTENT, PUT)).toBeDefined()
    rmSync(at('a/b'), { recursive: true })
    expect(atOnce().put('a/b/file', CONTENT, PUT)).toBeUndefined()
    await store.put('a/b/file', bufferSource(CONTENT), PUT)
    expect(atOnce().put('a/b/other', CONTENT, PUT)).toBeDefined()
    expect(readdirSync(at('a/b'))).toEqual(['file', 'other'])
  })
})

describe('removing at once', () => {
  test('removes a file and the directories that are empty then, as far as it is told', () => {
    mkdirSync(at('a/b/c/d'), { recursive: true })
    writeFileSync(at('a/b/c/d/file'), CONTENT)
    expect(atOnce().remove('a/b/c/d/file', 2)).toBe(true)
    expect(readdirSync(at('a'))).toEqual(['b', 'uploads'])
    expect(readdirSync(at('a/b'))).toEqual([])
  })

  test('leaves a directory with something in it, and what is above it', () => {
    mkdirSync(at('a/b/c'), { recursive: true })
    for (const name of ['file', 'other']) writeFileSync(at(`a/b/c/${name}`), CONTENT)
    expect(atOnce().remove('a/b/c/file', 2)).toBe(true)
    expect(readdirSync(at('a/b/c'))).toEqual(['other'])
  })

  test('does not say that it removed what is behind a link, or was not there', () => {
    mkdirSync(at('a/b'), { recursive: true })
    writeFileSync(at('a/b/file'), CONTENT)
    symlinkSync('b', at('a/link'))
    expect(atOnce().remove('a/link/file', 1)).toBe(false)
    expect(atOnce().remove('a/b/nothing', 1)).toBe(false)
    expect(atOnce().remove('a/c/nothing', 1)).toBe(false)
    expect(readFileSync(at('a/b/file'))).toEqual(CONTENT)
  })
})

describe('nothing is done at once', () => {
  test('before it is known on what kind of disk the store is, and when it is closed', async () => {
    const another = openLocalStore({ root })
    expect(another.atOnce).toBeUndefined()
    await another.stat('a')
    expect(another.atOnce).toBeDefined()
    await another.close()
    expect(another.atOnce).toBeUndefined()
  })

  test('where what is open cannot be named', async () => {
    const another = openLocalStore({ root, byNumber: false })
    await another.stat('a')
    expect(another.atOnce).toBeUndefined()
  })

  test('behind a wrapper that looks at each call; those that wait for a call let it through', () => {
    const slow = { retries: 1, minDelayMs: 1, maxDelayMs: 1 }
    for (const wrap of [
      (inner: Store) => withTrace(inner, { log: () => {} }),
      (inner: Store) => withBandwidth(inner, new Bandwidth(1)),
      withStrictLinks,
      (inner: Store) => withFaults(inner, []),
    ]) {
      expect(wrap(store).atOnce).toBeUndefined()
    }
    for (const wrap of [
      (inner: Store) => withRetry(inner, slow),
      (inner: Store) => withLimit(inner),
      (inner: Store) => withWatchdog(inner, { stallMs: 1_000 }),
    ]) {
      expect(wrap(store).atOnce).toBe(store.atOnce)
    }
  })
})
