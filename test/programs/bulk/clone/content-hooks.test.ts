import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Clone } from '../../../../src/bulk/clone/clone.ts'
import { ContentHooks } from '../../../../src/bulk/clone/content-hooks.ts'
import { GitConfig } from '../../../../src/core/git-config.ts'
import { temporaryDirectory } from '../../../support/stores/stores.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let clone: Clone
beforeEach(async () => {
  directory = await temporaryDirectory()
  const gitDirectory = join(directory.path, '.git')
  await mkdir(join(gitDirectory, 'hooks'), { recursive: true })
  clone = {
    directory: directory.path,
    gitDirectory,
    annexDirectory: join(gitDirectory, 'annex'),
    isBare: false,
    uuid: 'here',
    config: new GitConfig([['annex.freezecontent-command', 'echo command %path >>said']]),
    annexVersion: undefined,
  }
})
afterEach(() => directory.remove())

const PATH = "an object's file"
const said = () => readFile(join(directory.path, 'said'), 'utf8')

test('a hook of git-annex is run for each object, in place of the command that is configured', async () => {
  await new ContentHooks(clone).freeze(PATH)
  const hook = join(clone.gitDirectory, 'hooks/freezecontent-annex')
  await writeFile(hook, '#!/bin/sh\necho "hook $# $1" >>said\nexit 1\n')
  await new ContentHooks(clone).freeze(PATH) // it cannot be run yet
  await chmod(hook, 0o755)
  const hooks = new ContentHooks(clone)
  expect(hooks.areSet).toBe(true)
  await hooks.freeze(PATH)
  await hooks.thaw(PATH) // there is none
  expect(await said()).toBe(`command ${PATH}\ncommand ${PATH}\nhook 1 ${PATH}\n`)
})
