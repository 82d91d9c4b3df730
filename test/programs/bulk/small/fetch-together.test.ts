import { execFileSync } from 'node:child_process'
import { hash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { AnnexPartials } from '../../../../src/bulk/clone/annex-partials.ts'
import { DiskSpace } from '../../../../src/bulk/clone/disk-space.ts'
import { WorkDirectory } from '../../../../src/bulk/clone/work-directory.ts'
import { Fetch } from '../../../../src/bulk/fetch.ts'
import type { OpenRemote } from '../../../../src/bulk/open-remote.ts'
import { fetchTogether } from '../../../../src/bulk/small/fetch-together.ts'
import { Bandwidth } from '../../../../src/core/bandwidth.ts'
import { StoreError } from '../../../../src/core/errors.ts'
import { GitConfig } from '../../../../src/core/git-config.ts'
import { KeyTable } from '../../../../src/core/tables/key-table.ts'
import { keyPaths } from '../../../../src/ria/layout/paths.ts'
import { openSftpStore } from '../../../../src/store/sftp/sftp.ts'
import type { Store } from '../../../../src/store/store.ts'
import { startSshd } from '../../../support/servers/sshd.ts'
import { withMethods } from '../../../support/stores/stores.ts'
import { makeWorkspace, type Workspace } from '../../../support/worlds/workspace.ts'

const DIRECTORY = '111/1111'

/** Names of every length that tar has another way for, and one that is escaped in its file name. */
const keys = Array.from({ length: 80 }, (_, i) => {
  const content = `content ${i}\n`.repeat(i * 20)
  const backend = i % 2 === 0 ? 'MD5E' : 'SHA512E'
  const checksum = hash(backend.slice(0, -1), content)
  const extension = i === 3 ? '.a&b' : ''
  return { content, text: `${backend}-s${content.length}--${checksum}${extension}` }
})

let workspace: Workspace
let store: Store
let calls: string[]
beforeAll(async () => {
  workspace = await makeWorkspace()
  process.env.PATH = workspace.env.PATH // `ssh` is a wrapper there, with a configuration of its own
  const { alias } = await startSshd(workspace)
  const sftp = openSftpStore({ target: { host: alias }, root: workspace.path('store') })
  store = withMethods(sftp, {
    exec: (command, options) => {
      calls.push(command.join(' '))
      return sftp.exec(command, options)
    },
  })
})
afterAll(async () => {
  await store?.close()
  await workspace?.remove()
})

const fileOf = (i: number) => workspace.path('store', keyPaths(DIRECTORY, '2', keys[i]?.text ?? '')[0] ?? '')

beforeEach(() => {
  calls = []
  rmSync(workspace.path('store'), { recursive: true, force: true })
  for (const [i, { content }] of keys.entries()) {
    mkdirSync(dirname(fileOf(i)), { recursive: true })
    writeFileSync(fileOf(i), content)
  }
})

/** The numbers of the keys that came, each with its content. */
async function fetched(from: Store = store, bytesPerSecond?: number): Promise<number[]> {
  const table = new KeyTable()
  for (const { text } of keys) table.add(text)
  const annex = workspace.path('annex')
  mkdirSync(annex, { recursive: true })
  const work = WorkDirectory.open(annex)
  const remote = { store: from, directory: DIRECTORY, layout: { dataset: { version: '2' } } } as unknown as OpenRemote
  const fetch = new Fetch(
    {
      remote,
      work,
      partials: {} as AnnexPartials,
      space: new DiskSpace(annex, new GitConfig([])),
      bandwidth: new Bandwidth(bytesPerSecond),
      signal: undefined,
      onBytes: () => {},
    },
    undefined,
  )
  const came: number[] = []
  try {
    await fetchTogether(remote, table, keys.keys(), fetch, {
      signal: undefined,
      onKept: (number) => {
        came.push(number)
        expect(readFileSync(work.keyFile(table.text(number)), 'utf8')).toBe(keys[number]?.content)
        return undefined
      },
    })
  } finally {
    work.close(true)
  }
  return came.sort((a, b) => a - b)
}

test('small keys behind ssh come with one program, whatever their names', async () => {
  expect(await fetched()).toEqual([...keys.keys()])
  expect(calls).toHaveLength(1)
})

test('a key that is not there, is damaged, or is a link or a pipe does not come, and the others do', async () => {
  const [absent, damaged, short, linked, pipe] = [10, 11, 12, 13, 14] as const
  for (const i of [absent, linked, pipe]) rmSync(fileOf(i))
  writeFileSync(fileOf(damaged), 'x'.repeat(keys[damaged]?.content.length ?? 0))
  writeFileSync(fileOf(short), 'x')
  symlinkSync(fileOf(20), fileOf(linked))
  execFileSync('mkfifo', [fileOf(pipe)])
  const others = [...keys.keys()].filter((i) => i < absent || i > pipe)
  expect(await fetched()).toEqual(others)
  expect(calls).toHaveLength(1)
})

test('the archive may be as bsdtar and newer versions of tar write it, and what follows a cut is left out', async () => {
  const pax: Store['exec'] = ([tar = '', ...rest], options) => store.exec([tar, '--format=pax', ...rest], options)
  expect(await fetched(withMethods(store, { exec: pax }))).toEqual([...keys.keys()])
  const cut: Store['exec'] = async (command, options) => {
    const answer = await store.exec(command, options)
    return { ...answer, stdout: answer.stdout.subarray(0, 100_000) }
  }
  const came = await fetched(withMethods(store, { exec: cut }))
  expect(came).toEqual([...keys.keys()].slice(0, came.length))
  expect(came.length).toBeGreaterThan(10)
  expect(came.length).toBeLessThan(keys.length)
})

test('where no program can be run, or there is no tar, nothing comes in this way', async () => {
  const noTar: Store['exec'] = async () => ({ code: 127, stdout: Buffer.alloc(0), stderr: 'tar: command not found' })
  expect(await fetched(withMethods(store, { exec: noTar }))).toEqual([])
  const noShell: Store['exec'] = async () => {
    throw new StoreError({ kind: 'unsupported', op: 'exec', where: 'there', message: 'the account has no shell' })
  }
  expect(await fetched(withMethods(store, { exec: noShell }))).toEqual([])
})

test('with a limit to the bytes in a second nothing comes in this way', async () => {
  expect(await fetched(store, 1_000_000)).toEqual([])
  expect(calls).toEqual([])
})
