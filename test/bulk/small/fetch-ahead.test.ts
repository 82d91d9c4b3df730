import { hash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { AnnexPartials } from '../../../src/bulk/clone/annex-partials.ts'
import { DiskSpace } from '../../../src/bulk/clone/disk-space.ts'
import { WorkDirectory } from '../../../src/bulk/clone/work-directory.ts'
import type { OpenRemote } from '../../../src/bulk/open-remote.ts'
import { FetchAhead } from '../../../src/bulk/small/fetch-ahead.ts'
import { GitConfig } from '../../../src/core/git-config.ts'
import { KeyTable } from '../../../src/core/tables/key-table.ts'
import { archivePath, datasetDirectory, keyPaths } from '../../../src/ria/layout/paths.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import { temporaryDirectory } from '../../support/stores/stores.ts'

const directory = datasetDirectory('0123456789')
const keys = Array.from({ length: 80 }, (_, i) => {
  const content = `content ${i}\n`.repeat(i)
  return { content, text: `MD5-s${content.length}--${hash('md5', content)}` }
})

let root: { path: string; remove: () => Promise<void> }
let work: WorkDirectory
let table: KeyTable
let opened: number
beforeEach(async () => {
  root = await temporaryDirectory()
  for (const [i, { content }] of keys.entries()) {
    mkdirSync(dirname(fileOf(i)), { recursive: true })
    writeFileSync(fileOf(i), content)
  }
  const annex = join(root.path, 'annex')
  mkdirSync(annex)
  work = WorkDirectory.open(annex)
  table = new KeyTable()
  for (const { text } of keys) table.add(text)
  opened = 0
})
afterEach(async () => {
  work.close(true)
  await root.remove()
})

const fileOf = (i: number) => join(root.path, keyPaths(directory, '2', keys[i]?.text ?? '')[0] ?? '')
const contentHere = (i: number) => {
  const file = work.keyFile(keys[i]?.text ?? '')
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}

function makeAhead(options: { readonly signal?: AbortSignal; readonly open?: () => Promise<OpenRemote> } = {}) {
  const layout = { dataset: { version: '2', flags: '' } }
  const open = async () => {
    opened += 1
    return { store: openLocalStore({ root: root.path }), directory, layout } as unknown as OpenRemote
  }
  const space = new DiskSpace(root.path, new GitConfig([]))
  const fetch = { work, partials: {} as AnnexPartials, space, onBytes: () => {} }
  return new FetchAhead({ table, open, fetch, signal: undefined, ...options })
}

test('keys come while others are still to be found', async () => {
  const ahead = makeAhead()
  for (let i = 0; i < 70; i++) ahead.add(i)
  await vi.waitFor(() => expect(contentHere(69)).toBe(keys[69]?.content), { timeout: 60_000 })
  for (let i = 70; i < keys.length; i++) ahead.add(i)
  expect(await ahead.end()).toEqual([...keys.keys()])
  expect(contentHere(79)).toBe(keys[79]?.content)
  ahead.discard(79)
  expect(contentHere(79)).toBeUndefined()
  expect(opened).toBe(1)
})

test('a key that is damaged or not there does not come, and nothing is told of it', async () => {
  rmSync(fileOf(5))
  writeFileSync(fileOf(6), 'x'.repeat(keys[6]?.content.length ?? 0))
  const ahead = makeAhead()
  for (const i of keys.keys()) ahead.add(i)
  expect(await ahead.end()).toEqual([...keys.keys()].filter((i) => i !== 5 && i !== 6))
  expect([contentHere(5), contentHere(6)]).toEqual([undefined, undefined])
})

test('for a few keys no store is opened', async () => {
  const ahead = makeAhead()
  for (let i = 0; i < 63; i++) ahead.add(i)
  expect([await ahead.end(), opened]).toEqual([[], 0])
})

test('a store with an archive is left alone: that is read in the order of its bytes', async () => {
  const archive = join(root.path, archivePath(directory))
  mkdirSync(dirname(archive), { recursive: true })
  writeFileSync(archive, '')
  const ahead = makeAhead()
  for (const i of keys.keys()) ahead.add(i)
  expect([await ahead.end(), opened]).toEqual([[], 1])
})

test('where the store cannot be opened nothing comes', async () => {
  const ahead = makeAhead({ open: () => Promise.reject(new Error('it is not there')) })
  for (const i of keys.keys()) ahead.add(i)
  expect(await ahead.end()).toEqual([])
})

test('it ends when it is stopped, and when the command is', async () => {
  const stopped = makeAhead()
  for (let i = 0; i < 70; i++) stopped.add(i)
  await stopped.stop()
  const interrupting = new AbortController()
  const interrupted = makeAhead({ signal: interrupting.signal })
  for (let i = 0; i < 70; i++) interrupted.add(i)
  interrupting.abort()
  expect(await interrupted.end()).toEqual([])
})
