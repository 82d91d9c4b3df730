import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { parseStore } from '../../../../src/cli/open-store.ts'
import { riastore } from '../../../support/programs/console-double.ts'
import { temporaryDirectory } from '../../../support/stores/stores.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
beforeEach(async () => {
  directory = await temporaryDirectory()
  for (const name of ['RIASTORE_STORE', 'GIT_DIR', 'GIT_CONFIG_COUNT']) vi.stubEnv(name, undefined)
  vi.stubEnv('GIT_CONFIG_GLOBAL', join(directory.path, 'gitconfig'))
  vi.stubEnv('GIT_CONFIG_SYSTEM', join(directory.path, 'system'))
  vi.stubEnv('GIT_CONFIG_NOSYSTEM', undefined)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await directory.remove()
})

const URL = 'ria+s3+https://s3.example.org/bucket'
const store = (...args: string[]) => riastore(['store', ...args])
const configured = () => readFile(join(directory.path, 'gitconfig'), 'utf8').catch(() => '')

describe('riastore store', () => {
  test('add gives a store a name that stands for it from then on, set changes it, rm takes it away', async () => {
    expect(await store('add', 'lab', URL, '--region', 'eu-west-1')).toMatchObject({ code: 0 })
    expect(await store('set', 'lab', '--acl', 'private', '--region', '')).toMatchObject({ code: 0 })
    const { shown, settings } = await parseStore('lab')
    expect([shown, settings.s3?.acl, settings.s3?.region]).toEqual([URL, 'private', undefined])
    expect((await store('ls')).stdout).toMatch(/lab +ria\+s3\+https:\/\/s3\.example\.org\/bucket +acl=private/)
    expect(await store('rm', 'lab', '--yes')).toMatchObject({ code: 0 })
    expect(await configured()).not.toContain('lab')
    expect((await store('ls')).stdout).toContain('no store has a name')
  })

  test('changes nothing for what could not be worked with, nor with --dry-run', async () => {
    const refused = [
      ['add', 'lab', 'https://s3.example.org'],
      ['add', 'lab', URL, '--acl', 'public-read-write'],
      ['add', 'not.a.name', URL],
      ['add', 'lab', 'ria+https://me:secret@example.org/store', '--system'],
      ['set', 'lab', '--acl', 'private'],
      ['rm', 'lab', '--yes'],
    ]
    for (const args of refused) {
      const ran = await store(...args)
      expect([args, ran.code]).toEqual([args, 2])
      expect(ran.stderr).not.toContain('secret')
    }
    expect(await store('add', '--dry-run', 'lab', URL)).toMatchObject({ code: 0 })
    expect(await configured()).toBe('')
  })

  test('add does not give another store a name that one has', async () => {
    await store('add', 'lab', URL)
    expect((await store('add', 'lab', 'ria+file:///elsewhere')).stderr).toContain('riastore store set lab changes it')
    expect((await parseStore('lab')).shown).toBe(URL)
  })
})
