import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Job } from '../../src/annex/remote.ts'
import { GitConfig } from '../../src/core/git-config.ts'
import { RiaRemote } from '../../src/remote/ria-remote.ts'
import { datasetDirectory } from '../../src/ria/layout/paths.ts'
import { temporaryDirectory } from '../support/stores/stores.ts'

const ID = '01234567-89ab-cdef-0123-456789abcdef'
const KEY = 'MD5E-s1--0cc175b9c0f1b6a831c399e269772661.txt'

let place: Awaited<ReturnType<typeof temporaryDirectory>>
beforeEach(async () => {
  place = await temporaryDirectory()
  await mkdir(join(place.path, datasetDirectory(ID)), { recursive: true })
})
afterEach(() => place.remove())

/** Layout files of the store and of the dataset in it. */
async function write(store: string, dataset: string): Promise<void> {
  await writeFile(join(place.path, 'ria-layout-version'), store)
  await writeFile(join(place.path, datasetDirectory(ID), 'ria-layout-version'), dataset)
}

/** A remote of that store that git-annex has prepared, and what it tells the user. */
async function prepared() {
  const told: string[] = []
  const url = `ria+file://${place.path}`
  const settings: Record<string, string> = { url, 'push-url': url, 'archive-id': ID }
  const job: Job = {
    signal: new AbortController().signal,
    getConfig: async (name) => settings[name] ?? '',
    setConfig: () => {},
    getCreds: async () => undefined,
    setCreds: () => {},
    getUuid: async () => 'a-uuid',
    getGitDir: async () => place.path,
    getGitRemoteName: async () => 'store',
    progress: () => {},
    info: (line) => told.push(line),
    debug: () => {},
  }
  const config = new GitConfig([])
  const remote = new RiaRemote({ git: { of: async () => config, get: async () => undefined } as never })
  await remote.prepare(job)
  return { remote, job, told }
}

test('of versions that are not known the user is told once, on reading too, in the words that scripts look for', async () => {
  await write('9\n', 'X\n')
  const { remote, job, told } = await prepared()
  expect(told).toEqual([])
  await Promise.all([remote.checkPresent(job, KEY), remote.checkPresent(job, KEY)])
  expect(told).toEqual([
    expect.stringMatching(/^Remote dataset tree reports version 9: /),
    expect.stringMatching(/^Remote object tree reports version X: /),
  ])
  await expect(remote.retrieve(job, KEY, join(place.path, 'file'))).rejects.toThrow()
  await expect(remote.remove(job, KEY)).rejects.toThrow('treated as read-only')
  expect(told).toHaveLength(2)
  await remote.close()
})

test('of versions that are known nothing is told', async () => {
  await write('1\n', '2\n')
  const { remote, job, told } = await prepared()
  await remote.checkPresent(job, KEY)
  expect(told).toEqual([])
  await remote.close()
})
