import { existsSync } from 'node:fs'
import { chmod, lstat, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openLocalStore } from '../../../src/store/local/local.ts'
import type { Store } from '../../../src/store/store.ts'

let root: string
let store: Store
const KEY = 'abc/def/annex/objects/h1/h2/key/key'
const at = (path: string) => join(root, path)

describe.each([true, false])('a file that is removed with its directories, descriptors named: %s', (byNumber) => {
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'riastore-prune-'))
    store = openLocalStore({ root: at('store'), byNumber })
  })
  afterEach(async () => {
    await store.close()
    await rm(root, { recursive: true, force: true })
  })

  it.each([
    ['h1/h2/key', 2, 'h1'],
    ['h1/h2/key', 1, 'h1/h2'],
    ['h1/h2/key', 0, 'h1/h2/key'],
    ['h1/h2/key', 3, ''],
  ])('takes those of %s with it that are asked for (%i)', async (_directory, pruneParents, left) => {
    await mkdir(at(`store/${KEY}/..`), { recursive: true })
    await writeFile(at(`store/${KEY}`), '')
    await store.remove(KEY, { pruneParents })
    for (const each of ['h1', 'h1/h2', 'h1/h2/key']) {
      expect(existsSync(at(`store/abc/def/annex/objects/${each}`)), each).toBe(left.startsWith(each))
    }
    expect(existsSync(at('store/abc/def/annex/objects'))).toBe(true)
  })

  it('leaves a directory in which something else is, and those above it', async () => {
    await mkdir(at(`store/${KEY}/..`), { recursive: true })
    await writeFile(at(`store/${KEY}`), '')
    await writeFile(at('store/abc/def/annex/objects/h1/h2/other'), '')
    await store.remove(KEY, { pruneParents: 2 })
    expect(existsSync(at('store/abc/def/annex/objects/h1/h2/key'))).toBe(false)
    expect(existsSync(at('store/abc/def/annex/objects/h1/h2/other'))).toBe(true)
  })

  it.each([
    ['store/abc/def/annex/objects/h1/h2/key', 'elsewhere/h1/h2/key'],
    ['store/abc/def/annex/objects/h1/h2', 'elsewhere/h1/h2'],
    ['store/abc/def/annex/objects/h1', 'elsewhere/h1'],
    ['store/abc/def/annex/objects', 'elsewhere/objects'],
  ])('leaves the link %s, and the directory to which it leads', async (link, target) => {
    await mkdir(at(`${link}/..`), { recursive: true })
    await mkdir(at(target), { recursive: true })
    await symlink(at(target), at(link))
    await mkdir(at(`store/${KEY}/..`), { recursive: true })
    await writeFile(at(`store/${KEY}`), '')
    await store.remove(KEY, { pruneParents: 2 })
    expect(existsSync(at(`store/${KEY}`))).toBe(false)
    expect((await lstat(at(link))).isSymbolicLink()).toBe(true)
    expect(existsSync(at(target))).toBe(true)
  })

  it('takes a directory away from one that may not be written to, which stays so', async () => {
    await mkdir(at(`store/${KEY}/..`), { recursive: true })
    await writeFile(at(`store/${KEY}`), '')
    const above = at('store/abc/def/annex/objects/h1/h2')
    await chmod(above, 0o555)
    await chmod(`${above}/key`, 0o555)
    await store.remove(KEY, { pruneParents: 1 })
    expect(existsSync(`${above}/key`)).toBe(false)
    expect((await lstat(above)).mode & 0o777).toBe(0o555)
    await chmod(above, 0o755)
  })
})
