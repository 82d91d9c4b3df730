import { hash } from 'node:crypto'
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { checkedKey } from '../../../src/bulk/fetch.ts'
import type { OpenRemote } from '../../../src/bulk/open-remote.ts'
import { DirectReads } from '../../../src/bulk/small/direct-reads.ts'
import { datasetDirectory, keyPaths } from '../../../src/ria/layout/paths.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import { temporaryDirectory } from '../../support/stores/stores.ts'

const content = Buffer.from('the content of a key')
const text = `MD5-s${content.length}--${hash('md5', content, 'hex')}`
const directory = datasetDirectory('0123456789')
const [path = ''] = keyPaths(directory, '2', text)

let root: { path: string; remove: () => Promise<void> }
let file: string
beforeEach(async () => {
  root = await temporaryDirectory()
  file = join(root.path, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
})
afterEach(() => root.remove())

async function read(key = text): Promise<string | undefined> {
  const layout = { dataset: { version: '2', flags: '' } }
  const remote = { store: openLocalStore({ root: root.path }), directory, layout } as unknown as OpenRemote
  const reads = await DirectReads.for(remote)
  const checked = checkedKey(key)
  const found = checked && reads?.read(checked)
  return found && Buffer.from(found).toString()
}

test('a small key on a disk is read', async () => {
  expect(await read()).toBe(content.toString())
})

test('what is damaged, of another length or not there is left to the store', async () => {
  expect(await read(text.replace('MD5-s20', 'MD5-s21'))).toBeUndefined()
  expect(await read('MD5-s1--0cc175b9c0f1b6a831c399e269772661')).toBeUndefined()
  writeFileSync(file, 'another content here')
  expect(await read()).toBeUndefined()
})

test.each(['the file', 'a directory'])('a link in the place of %s is left to the store', async (what) => {
  const linked = what === 'the file' ? file : dirname(dirname(file))
  const elsewhere = join(root.path, 'elsewhere')
  renameSync(linked, elsewhere)
  symlinkSync(elsewhere, linked)
  expect(await read()).toBeUndefined()
})
