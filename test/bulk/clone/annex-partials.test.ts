import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AnnexPartials } from '../../../src/bulk/clone/annex-partials.ts'
import type { Clone } from '../../../src/bulk/clone/clone.ts'
import { GitConfig } from '../../../src/core/git-config.ts'
import { temporaryDirectory } from '../../support/stores/stores.ts'

const KEY = 'MD5-s3--abc'

let annex: { path: string; remove: () => Promise<void> }
let partials: AnnexPartials
beforeEach(async () => {
  annex = await temporaryDirectory()
  const clone: Clone = {
    directory: annex.path,
    gitDirectory: annex.path,
    annexDirectory: annex.path,
    isBare: true,
    uuid: 'of the clone',
    config: new GitConfig([]),
    annexVersion: '10.20230126',
  }
  partials = new AnnexPartials(clone)
})
afterEach(() => annex.remove())

test('a part that is left to git-annex is not ours any more, and can be written to', () => {
  const file = join(annex.path, 'ours')
  writeFileSync(file, 'ab', { mode: 0o444 })
  partials.leave(KEY, file)
  expect(existsSync(file)).toBe(false)
  expect(readFileSync(join(annex.path, 'tmp', KEY), 'utf8')).toBe('ab')
  expect(statSync(join(annex.path, 'tmp', KEY)).mode & 0o777).toBe(0o644)
})

test('a directory for parts that was not there is for all who share the repository', () => {
  chmodSync(annex.path, 0o2775)
  writeFileSync(join(annex.path, 'ours'), 'ab')
  partials.leave(KEY, join(annex.path, 'ours'))
  expect(statSync(join(annex.path, 'tmp')).mode & 0o7777).toBe(0o2775)
})

test("a part of git-annex's own is not replaced", () => {
  const file = join(annex.path, 'ours')
  mkdirSync(join(annex.path, 'tmp'))
  writeFileSync(join(annex.path, 'tmp', KEY), 'a')
  writeFileSync(file, 'ab')
  partials.leave(KEY, file)
  expect(readFileSync(join(annex.path, 'tmp', KEY), 'utf8')).toBe('a')
  expect(readFileSync(file, 'utf8')).toBe('ab')
})
