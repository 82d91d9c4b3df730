import { chmod, mkdir, readdir, readFile, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Archive } from '../../../../src/archive/archive.ts'
import { IndexCache } from '../../../../src/archive/index/index-cache.ts'
import { cacheDirectory } from '../../../../src/core/cache-directory.ts'
import { openMemoryStore } from '../../../../src/store/memory.ts'
import { type FaultyStore, withFaults } from '../../../../src/store/wrappers/faulty.ts'
import { copyArchive } from '../../../support/archives/header-writer.ts'
import { type Contents, differences, makeArchive } from '../../../support/archives/real-archive.ts'
import { temporaryDirectory, withMethods, write } from '../../../support/stores/stores.ts'

/** Enough for an index of several pages in each part. */
const FILES: Contents = new Map(
  Array.from(
    { length: 2000 },
    (_, i) => [`key/${i}/${'x'.repeat(1 + (i % 40))}`, Buffer.from(`content ${i}`)] as const,
  ),
)
const BYTES = copyArchive([...FILES].map(([name, content]) => ({ name, content })))

let directory: string
let remove: () => Promise<void>
let store: FaultyStore
beforeEach(async () => {
  ;({ path: directory, remove } = await temporaryDirectory())
  directory += '/cache'
  store = withFaults(openMemoryStore(), [])
  await write(store, 'a.7z', BYTES)
})
afterEach(() => remove())

function newCache(maxBytes = 2 ** 30): IndexCache {
  return new IndexCache({ directory, maxBytes })
}

/**
 * Opens it in a process' place: with a cache of its own. Says how many reads of the store that
 * took.
 */
async function open(path = 'a.7z', cache = newCache()): Promise<{ archive: Archive; reads: number }> {
  const before = store.calls.length
  const archive = await Archive.open(store, path, { cache })
  return { archive, reads: store.calls.slice(before).filter(({ op }) => op === 'get').length }
}

async function indexFiles(): Promise<string[]> {
  return (await readdir(directory)).filter((name) => name.endsWith('.index'))
}

async function onlyIndex(): Promise<string> {
  const names = await indexFiles()
  expect(names).toHaveLength(1)
  return `${directory}/${names[0]}`
}

describe('an index in the cache', () => {
  it('is made once and used from then on', async () => {
    expect((await open()).reads).toBe(2)
    const { archive, reads } = await open()
    expect(reads).toBe(1)
    expect(await differences(archive, FILES)).toEqual([])
    expect(await readdir(directory)).toHaveLength(1)
  })

  it('is also made of packed members, of directories and of empty files', async () => {
    const files = new Map([...FILES].slice(0, 30))
    files.set('empty', Buffer.alloc(0)).set('directory/', Buffer.alloc(0))
    await write(store, 'a.7z', await makeArchive(files, ['-mx5', '-ms=10f']))
    for (let i = 0; i < 2; i++) {
      const { archive, reads } = await open()
      expect(reads).toBe(i === 0 ? 3 : 1)
      expect(await differences(archive, files)).toEqual([])
    }
  })

  it('is for its user only', async () => {
    await open()
    expect((await stat(directory)).mode & 0o777).toBe(0o700)
    expect((await stat(await onlyIndex())).mode & 0o777).toBe(0o600)
  })

  it('does not tell where the archive is', async () => {
    const secret = 'https://user:password@host'
    const traits = { ...store.traits, root: secret }
    await Archive.open(withMethods(store, { traits }), 'a.7z', { cache: newCache() })
    const file = await onlyIndex()
    expect(file).toMatch(/\/[0-9a-f]{40}-[0-9a-f]{40}\.index$/)
    expect((await readFile(file)).includes('password')).toBe(false)
  })

  it('is made by many at once without harm', async () => {
    const opened = await Promise.all(Array.from({ length: 8 }, () => open()))
    for (const { archive } of opened) expect(await archive.find('key/7/xxxxxxxx')).toMatchObject({ size: 9 })
    expect(await readdir(directory)).toHaveLength(1)
  })

  it('is not used for another archive at the same place, and goes when that has one', async () => {
    await open()
    const old = await onlyIndex()
    const other = new Map([['other', Buffer.from('other')]])
    await write(store, 'a.7z', copyArchive([{ name: 'other', content: Buffer.from('other') }]))
    const { archive, reads } = await open()
    expect(reads).toBe(2)
    expect(await differences(archive, other)).toEqual([])
    expect(await onlyIndex()).not.toBe(old)
  })

  it('is not used when only the signature header differs (SFTP knows whole seconds only)', async () => {
    const sameIdentity = withMethods(store, {
      stat: async (path) => {
        const found = await store.stat(path)
        return found && { ...found, identity: 'second' }
      },
      get: (path, consume, options) =>
        store.get(path, consume, options?.range === undefined ? {} : { range: options.range }),
    })
    const files = [{ name: 'key', content: Buffer.from('1') }]
    await write(store, 'a.7z', copyArchive(files))
    await Archive.open(sameIdentity, 'a.7z', { cache: newCache() })
    await write(store, 'a.7z', copyArchive([{ name: 'yek', content: Buffer.from('1') }]))
    const archive = await Archive.open(sameIdentity, 'a.7z', { cache: newCache() })
    expect(await archive.find('key')).toBeUndefined()
    expect(await archive.find('yek')).toBeDefined()
  })

  it('is read while another process removes it', async () => {
    const { archive } = await open()
    await remove()
    expect(await differences(archive, FILES)).toEqual([])
  })
})

describe('a damaged index', () => {
  it('is made anew, whichever byte is damaged, and never believed', async () => {
    await open()
    const file = await onlyIndex()
    const good = await readFile(file)
    const places = Array.from(
      { length: Math.ceil(good.length / 4096) },
      (_, page) => page * 4096 + ((page * 389) % 4096),
    )
    for (const at of [4, 8, 12, 40, ...places]) {
      const bad = Buffer.from(good)
      bad[at] = (bad[at] ?? 0) ^ 0x01
      await writeFile(file, bad)
      const { archive } = await open()
      const wrong = await Promise.all(
        [...FILES].map(async ([name, { length }]) => (await archive.find(name))?.size !== length && name),
      )
      expect(wrong.filter(Boolean), `byte ${at}`).toEqual([])
      expect(await archive.find('not there')).toBeUndefined()
      await archive.close()
    }
  })

  it('is made anew when it is cut off', async () => {
    await open()
    const file = await onlyIndex()
    const { size } = await stat(file)
    for (const length of [0, 1, 4095, 4096, 4097, Math.floor(size / 2), size - 4096, size - 1]) {
      await truncate(file, length)
      const { archive } = await open()
      expect(await differences(archive, FILES), `${length} bytes`).toEqual([])
      expect((await stat(file)).size).toBe(size)
      await archive.close()
    }
  })

  it('is made anew when it is damaged while it is in use, by many at once', async () => {
    const { archive } = await open()
    await truncate(await onlyIndex(), 8192)
    const found = await Promise.all([...FILES.keys()].map((name) => archive.find(name)))
    expect(found.map((member) => member?.size)).toEqual([...FILES.values()].map(({ length }) => length))
    expect((await open()).reads).toBe(1)
  })

  it('is told as such when that never ends', async () => {
    const { archive } = await open()
    for (let i = 0; i < 3; i++) {
      await write(store, 'a.7z', BYTES) // it cannot be made anew
      await truncate(await onlyIndex(), 8192)
    }
    await expect(archive.find('key/7/xxxxxxxx')).rejects.toMatchObject({ kind: 'conflict' })
  })

  it('of another user is not used', async ({ skip }) => {
    if (process.getuid?.() !== 0) skip('only root can give a file away')
    await open()
    const file = await onlyIndex()
    const { chown } = await import('node:fs/promises')
    await chown(file, 12345, 12345)
    expect((await open()).reads).toBe(2)
    expect((await stat(file)).uid).toBe(0)
  })
})

describe('where no index can be kept', () => {
  const notKept = async (cache: IndexCache) => {
    const { archive, reads } = await open('a.7z', cache)
    expect(reads).toBe(2)
    expect(await differences(archive, FILES)).toEqual([])
  }

  it('the archive is read all the same: no directory can be made', async () => {
    await writeFile(directory, 'a file')
    await notKept(newCache())
  })

  it('the archive is read all the same: nothing may be written', async () => {
    await mkdir(directory)
    await chmod(directory, 0o500)
    await notKept(new IndexCache({ directory: process.getuid?.() === 0 ? '/sys/cache' : directory, maxBytes: 1e9 }))
  })

  it.each([0, 1, 5])('the archive is read all the same: the disk is full after %i writes', async (writes) => {
    class FullDisk extends IndexCache {
      override async create(...all: Parameters<IndexCache['create']>) {
        const file = await super.create(...all)
        let left = writes
        file.storage.write = async (...args) => {
          if (left-- <= 0) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
          return Object.getPrototypeOf(file.storage).write.apply(file.storage, args)
        }
        return file
      }
    }
    const { archive } = await open('a.7z', new FullDisk({ directory, maxBytes: 1e9 }))
    expect(await differences(archive, FILES)).toEqual([])
    if (writes < 3) expect(await readdir(directory)).toEqual([])
  })

  it('the archive is read all the same: the index is larger than the whole cache may be', async () => {
    await notKept(newCache(1000))
    expect(await indexFiles()).toEqual([])
  })

  it('the archive is read all the same: there is no cache', async () => {
    const archive = await Archive.open(store, 'a.7z')
    expect(await differences(archive, FILES)).toEqual([])
  })
})

describe('the cache', () => {
  it('keeps what was used last when there is too much', async () => {
    await open()
    const { size } = await stat(await onlyIndex())
    const cache = () => newCache(size * 2 + 100)
    for (const path of ['b.7z', 'c.7z', 'd.7z']) await write(store, path, BYTES)
    await open('b.7z', cache())
    for (const name of await indexFiles()) await utimes(`${directory}/${name}`, 1_000_000, 1_000_000)
    await open('a.7z', cache()) // used again
    await open('c.7z', cache())
    const reads: number[] = []
    for (const path of ['a.7z', 'c.7z', 'b.7z']) reads.push((await open(path)).reads)
    expect(reads).toEqual([1, 1, 2])
  })

  it('removes what dead processes left, and nothing else', async () => {
    await mkdir(directory)
    const dead = 'riastore-1-0123456789ab-1.tmp'
    const alive = 'riastore-1-0123456789ab-2.tmp'
    const foreign = 'notes.txt'
    for (const name of [dead, alive, foreign]) await writeFile(`${directory}/${name}`, '')
    for (const name of [dead, foreign]) await utimes(`${directory}/${name}`, 1_000_000, 1_000_000)
    await open()
    const left = await readdir(directory)
    expect(left).toEqual(expect.arrayContaining([alive, foreign]))
    expect(left).not.toContain(dead)
  })

  it('leaves nothing behind when the archive cannot be read', async () => {
    await write(store, 'a.7z', BYTES.subarray(0, -1))
    await expect(open()).rejects.toMatchObject({ kind: 'corrupt' })
    const bad = Buffer.from(BYTES)
    bad[bad.length - 1] = 1
    await write(store, 'a.7z', bad)
    await expect(open()).rejects.toMatchObject({ kind: 'corrupt' })
    expect(await readdir(directory)).toEqual([])
  })

  it('is in the XDG cache directory', () => {
    expect(cacheDirectory({ XDG_CACHE_HOME: '/caches', HOME: '/home/me' })).toBe('/caches/riastore')
    expect(cacheDirectory({ XDG_CACHE_HOME: 'relative', HOME: '/home/me' })).toBe('/home/me/.cache/riastore')
    expect(cacheDirectory({ XDG_CACHE_HOME: '', HOME: '/home/me' })).toBe('/home/me/.cache/riastore')
    expect(cacheDirectory({})).toMatch(/^\/.*\/\.cache\/riastore$/)
  })
})
