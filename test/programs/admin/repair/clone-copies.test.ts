import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { delimiter } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { CloneCopies } from '../../../../src/admin/repair/clone-copies.ts'
import { findProgram } from '../../../../src/core/process/find-program.ts'
import { collect } from '../../../../src/core/source.ts'
import { runOk } from '../../../support/programs/run.ts'
import { type AnnexRepo, makeAnnexRepo } from '../../../support/repos/annex-repo.ts'
import { makeWorkspace, type Workspace } from '../../../support/worlds/workspace.ts'

const NONE = 'MD5-s4--00000000000000000000000000000000'
const SPACED = 'WORM-s3-m1700000000--a name of blanks'

let workspace: Workspace
let repo: AnnexRepo
/** Which git-annex was started, a line each: its process id and what it was told. */
let log: string
beforeAll(async () => {
  workspace = await makeWorkspace()
  repo = await makeAnnexRepo(workspace, 'clone')
  await repo.add({ one: 'the first', two: 'the second', gone: 'the third', open: 'the fourth' })
  await repo.annex('drop', '--force', 'gone')
  await repo.annex('unlock', 'open')
  await writeFile(`${repo.path}/spaced`, 'abc')
  await repo.annex('setkey', SPACED, 'spaced')
  log = workspace.path('started')
  const bin = workspace.path('bin')
  await mkdir(bin)
  const script = `#!/bin/sh\nprintf '%s %s\\n' $$ "$*" >>'${log}'\nexec '${await findProgram('git-annex')}' "$@"\n`
  await writeFile(`${bin}/git-annex`, script)
  await chmod(`${bin}/git-annex`, 0o755)
  vi.stubEnv('PATH', `${bin}${delimiter}${process.env.PATH}`)
  for (const [name, value] of Object.entries(repo.options.env ?? {})) if (name !== 'PATH') vi.stubEnv(name, value)
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await workspace?.remove()
})

async function newFile(name: string, text: string): Promise<string> {
  await writeFile(workspace.path(name), text)
  return workspace.path(name)
}

const started = async () => (await readFile(log, 'utf8').catch(() => '')).trim().split('\n')

async function contentOf(copies: CloneCopies, key: string): Promise<string | undefined> {
  const source = await copies.find(key, {})
  return source && (await collect(source.open(), 1_000)).toString()
}

test('one git-annex tells for all keys where the clone has them, as one for each would', async () => {
  const keys = await Promise.all(['one', 'two', 'gone', 'open'].map((name) => repo.key(name)))
  const copies = await CloneCopies.open(repo.path)
  try {
    const asked = [...keys, NONE, SPACED, ...keys]
    const found = await Promise.all(asked.map((key) => contentOf(copies, key)))
    const texts = ['the first', 'the second', undefined, 'the fourth']
    expect(found).toEqual([...texts, undefined, 'abc', ...texts])
    expect(await started()).toEqual([expect.stringMatching(/^\d+ contentlocation --batch$/)])
    // What it says is of now, not of when it was started.
    await repo.annex('reinject', '--known', await newFile('again', 'the third'))
    expect(await contentOf(copies, keys[2] ?? '')).toBe('the third')
  } finally {
    await copies.close()
  }
})

test('where it ends, or cannot read a key, that key is asked for alone, and the next of another', async () => {
  const [one, two] = await Promise.all(['one', 'two'].map((name) => repo.key(name)))
  const copies = await CloneCopies.open(repo.path)
  try {
    expect(await contentOf(copies, one ?? '')).toBe('the first')
    const [last = ''] = (await started()).slice(-1)
    process.kill(Number(last.split(' ')[0]), 'SIGKILL')
    expect(await contentOf(copies, two ?? '')).toBe('the second')
    expect(await contentOf(copies, 'no key')).toBeUndefined()
    expect(await contentOf(copies, one ?? '')).toBe('the first')
  } finally {
    await copies.close()
  }
})

test('a clone that was closed has no git-annex left, and one that asks is ended with what asks', async () => {
  const copies = await CloneCopies.open(repo.path)
  const stop = new AbortController()
  await copies.find(NONE, { signal: stop.signal })
  stop.abort()
  await expect(copies.find(NONE, { signal: stop.signal })).rejects.toThrow()
  await copies.close()
  const [last = ''] = (await started()).slice(-1)
  expect((await runOk('sh', ['-c', `kill -0 ${last.split(' ')[0]} 2>&1 || echo gone`])).stdout).toContain('gone')
})
