import { describe, expect, test } from 'vitest'
import type { StoreErrorKind } from '../../../../src/core/errors.ts'
import { readLayout, readSharing } from '../../../../src/ria/layout/read-layout.ts'
import { StoredDataset } from '../../../../src/ria/layout/stored-dataset.ts'
import { withFaults } from '../../../../src/store/wrappers/faulty.ts'
import { DIRECTORY, type MemoryOptions, memoryStore } from '../../../support/stores/memory-dataset.ts'

const layoutOf = async (options: MemoryOptions) =>
  readLayout(new StoredDataset(await memoryStore(options), DIRECTORY), {})

describe('the layout of a store and a dataset', () => {
  test.each(['1', '2'])('of known versions (dataset: %s) may be written', async (version) => {
    expect(await layoutOf({ dataset: `${version}\n` })).toEqual({
      store: { version: '1', flags: '' },
      dataset: { version, flags: '' },
      readOnly: undefined,
      notices: [],
      logErrors: false,
      appendOnly: false,
    })
  })

  test('of an unknown version of the store is read-only, and the reason names the file', async () => {
    const { readOnly } = await layoutOf({ store: '2' })
    expect(readOnly).toMatch(/^memory:\/ria-layout-version names layout version 2, and this program knows 1$/)
  })

  test('of an unknown version of the dataset is read-only, and the reason names the file', async () => {
    const { readOnly } = await layoutOf({ dataset: '3-beta' })
    expect(readOnly).toContain(`${DIRECTORY}/ria-layout-version names layout version 3-beta`)
  })

  test('of unknown versions gives a line for each, which begins with the words that ORA has for it', async () => {
    const { notices } = await layoutOf({ store: '2', dataset: 'X\n' })
    expect(notices).toEqual([
      expect.stringMatching(/^Remote dataset tree reports version 2: memory:\/ria-layout-version .*ora-force-write/),
      expect.stringMatching(/^Remote object tree reports version X: .*this program knows 1 and 2\. /),
    ])
  })

  test.each<[MemoryOptions]>([[{ store: '1|l' }], [{ dataset: '2|l' }], [{ store: '1|xl', dataset: '2|' }]])(
    'asks for error logs by the flag l: %j',
    async (options) => {
      expect((await layoutOf(options)).logErrors).toBe(true)
    },
  )

  test('with other flags does not', async () => {
    expect((await layoutOf({ store: '1|x', dataset: '2|y' })).logErrors).toBe(false)
  })

  test.each<[string, MemoryOptions]>([
    ['the RIA store is not there', { store: undefined }],
    ['the dataset is not in the RIA store', { dataset: undefined }],
  ])('cannot be told when the file is missing: %s', async (reason, options) => {
    await expect(layoutOf(options)).rejects.toMatchObject({ kind: 'missing', message: expect.stringContaining(reason) })
  })

  test.each<[string, MemoryOptions]>([
    ['a login page', { store: '<!DOCTYPE html><title>Please log in</title>' }],
    ['nothing', { dataset: '' }],
    ['more than a megabyte', { dataset: '1'.repeat(1024 * 1024 + 1) }],
  ])('cannot be told from a file that holds %s', async (_what, options) => {
    await expect(layoutOf(options)).rejects.toMatchObject({ kind: 'corrupt' })
  })

  test.each<StoreErrorKind>(['denied', 'unreachable', 'transient', 'corrupt'])(
    'cannot be told when reading it fails as %s, and the error is that of the store',
    async (kind) => {
      for (const path of ['ria-layout-version', `${DIRECTORY}/ria-layout-version`]) {
        const store = withFaults(await memoryStore(), [{ fail: kind, op: 'get', path }])
        await expect(readLayout(new StoredDataset(store, DIRECTORY), {})).rejects.toMatchObject({
          kind,
          message: /failed by plan/,
        })
      }
    },
  )
})

describe('sharing, as the dataset’s git configuration has it', () => {
  const sharingOf = async (config?: string) =>
    readSharing(new StoredDataset(await memoryStore(config === undefined ? {} : { config }), DIRECTORY), {})

  test.each([
    ['[core]\n\tsharedRepository = group\n', { mode: 0o660, force: false }],
    ['[core]\n\tsharedrepository = 0640\n', { mode: 0o640, force: true }],
    ['[core]\n\tsharedRepository = all\n\tsharedRepository = umask\n', undefined],
    ['[core]\n\tbare = true\n', undefined],
    ['', undefined],
  ])('%j is %j', async (config, sharing) => {
    expect(await sharingOf(config)).toEqual(sharing)
  })

  test('asks no git where nothing is said of it, so that a store of many datasets is looked at soon', async () => {
    const before = process.env.PATH
    process.env.PATH = '/nowhere'
    try {
      expect(await sharingOf('# ours\n[core]\n\tbare\n[remote "a b"]\n\turl = x ; y\n\n')).toBeUndefined()
      await expect(sharingOf('[core]\n\tsharedRepository = group\n')).rejects.toThrow('git')
    } finally {
      process.env.PATH = before
    }
  })

  test('is none when there is no configuration', async () => {
    expect(await sharingOf()).toBeUndefined()
  })

  test('is an error when the configuration cannot be read: files must not be open to fewer, or more, than wanted', async () => {
    const store = withFaults(await memoryStore({ config: '' }), [{ fail: 'denied', op: 'get' }])
    await expect(readSharing(new StoredDataset(store, DIRECTORY), {})).rejects.toMatchObject({ kind: 'denied' })
    await expect(sharingOf('<html>')).rejects.toMatchObject({ kind: 'unsupported' })
  })
})
