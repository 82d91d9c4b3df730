import { chmodSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { renameDirectory } from '../../../../src/admin/trash/rename-directory.ts'
import { openLocalStore } from '../../../../src/store/local/local.ts'
import type { Store } from '../../../../src/store/store.ts'
import { temporaryDirectory, withMethods, write } from '../../../support/stores/stores.ts'

let bin: Awaited<ReturnType<typeof temporaryDirectory>>
let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let store: Store
let root: string
let precious: string
const path = process.env.PATH

/** An `mv` that exchanges a directory of the store for a link before it does its work. */
beforeAll(async () => {
  bin = await temporaryDirectory()
  const script = `#!/bin/sh
PATH=${path}
if [ -n "$EXCHANGED" ]; then mv "$EXCHANGED" "$EXCHANGED.aside" && ln -s "$PRECIOUS" "$EXCHANGED"; fi
exec mv "$@"
`
  writeFileSync(`${bin.path}/mv`, script)
  chmodSync(`${bin.path}/mv`, 0o755)
  process.env.PATH = `${bin.path}:${path}`
})
afterAll(async () => {
  process.env.PATH = path
  await bin.remove()
})

beforeEach(async () => {
  directory = await temporaryDirectory()
  root = `${directory.path}/a store`
  precious = `${directory.path}/precious`
  const local = openLocalStore({ root })
  // As over ssh: a shell renames.
  const traits = { ...local.traits, movesDirectories: false }
  store = Object.defineProperty(withMethods(local, {}), 'traits', { value: traits }) as Store
  await write(store, 'abc/def/ours', 'x')
  await write(store, 'trash/entry/entry.json', '{}')
  mkdirSync(`${precious}/def`, { recursive: true })
})
afterEach(async () => {
  delete process.env.EXCHANGED
  delete process.env.PRECIOUS
  await store.close()
  await directory.remove()
})

const rename = () => renameDirectory(store, 'abc/def', 'trash/entry/dataset', {})

test('a shell renames a dataset, and nothing onto what is there', async () => {
  expect(await rename()).toBe(true)
  expect(readdirSync(`${root}/trash/entry/dataset`)).toEqual(['ours'])
  await write(store, 'abc/def/second', 'x')
  expect(await rename()).toBe(false)
  expect(readdirSync(`${root}/abc/def`)).toEqual(['second'])
})

test.each([
  ['abc', 'trash/entry/dataset'],
  ['trash/entry', 'trash/entry.aside/dataset'],
  ['trash', 'trash.aside/entry/dataset'],
])('when %s is exchanged for a link just before mv renames, nothing is done behind it', async (name, then) => {
  process.env.EXCHANGED = `${root}/${name}`
  process.env.PRECIOUS = precious
  await rename()
  expect(readdirSync(precious)).toEqual(['def'])
  expect(readdirSync(`${root}/${then}`)).toEqual(['ours'])
})

test.each(['abc', 'trash'])('where %s is a link already, a shell renames nothing', async (name) => {
  const { renameSync } = await import('node:fs')
  renameSync(`${root}/${name}`, `${root}/aside`)
  symlinkSync(precious, `${root}/${name}`)
  mkdirSync(`${precious}/entry`)
  expect(await rename()).toBe(false)
  expect(readdirSync(precious).sort()).toEqual(['def', 'entry'])
  expect(existsSync(`${precious}/entry/dataset`)).toBe(false)
})
