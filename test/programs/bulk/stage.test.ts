import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Clone } from '../../../src/bulk/clone/clone.ts'
import { Placer } from '../../../src/bulk/clone/placer.ts'
import { WorkDirectory } from '../../../src/bulk/clone/work-directory.ts'
import { Stage } from '../../../src/bulk/stage.ts'
import { STATE, States } from '../../../src/bulk/states.ts'
import { GitConfig } from '../../../src/core/git-config.ts'
import { parseKey } from '../../../src/core/key.ts'
import { KeyTable } from '../../../src/core/tables/key-table.ts'
import { makeWorkspace, type Workspace } from '../../support/worlds/workspace.ts'

const KEYS = ['MD5-s1--a', 'MD5-s1--b']

const path = process.env.PATH
let workspace: Workspace
beforeEach(async () => {
  workspace = await makeWorkspace()
})
afterEach(async () => {
  process.env.PATH = path
  await workspace.remove()
})

test('what is about to be placed is written down and on the disk before it is placed', async () => {
  const clone: Clone = {
    directory: workspace.directory,
    gitDirectory: workspace.directory,
    annexDirectory: workspace.path('annex'),
    isBare: true,
    uuid: 'of the clone',
    config: new GitConfig([]),
    annexVersion: '10.20230126',
  }
  await mkdir(clone.annexDirectory)
  const work = WorkDirectory.open(clone.annexDirectory)
  const placer = new Placer(clone)
  const [table, states] = [new KeyTable(), new States()]
  const stage = new Stage({ table, states, work, placer, events: {} })
  for (const key of KEYS) {
    await writeFile(work.keyFile(key), 'x')
    await stage.add(table.add(key), 'store')
  }
  // What a power failure leaves is at least what was there when the disk was told to take it.
  const [programs, seen] = [workspace.path('faked'), workspace.path('seen')]
  await mkdir(programs)
  await writeFile(
    join(programs, 'sync'),
    `#!/bin/sh\n(cat '${work.path}/placed'; find '${clone.annexDirectory}' -path '*/objects/*' -type f) >'${seen}'\n`,
  )
  await chmod(join(programs, 'sync'), 0o755)
  process.env.PATH = `${programs}:${path}`
  await stage.flush()
  expect(await readFile(seen, 'utf8')).toBe('MD5-s1--a\nMD5-s1--b\n')
  expect(KEYS.map((key) => placer.find(parseKey(key)) !== undefined)).toEqual([true, true])
  expect([...states.in(STATE.placed)].length).toBe(2)
  work.close(true)
})
