import { describe, expect, test } from 'vitest'
import { StoreError } from '../../../src/core/errors.ts'
import { listAliases, setAlias } from '../../../src/git/alias.ts'
import { checkNewAlias } from '../../../src/ria/layout/alias-file.ts'
import { directoryOfLink } from '../../../src/ria/layout/alias-link.ts'
import { findDataset } from '../../../src/ria/layout/datasets.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import { findAlias } from '../../../src/setup/sibling/alias.ts'
import { openMemoryStore } from '../../../src/store/memory.ts'
import type { Store } from '../../../src/store/store.ts'
import { withMethods, write } from '../../support/stores/stores.ts'

/** A store behind SFTP, where links are listed and no program can be run. */
async function storeWithLinks(links: Readonly<Record<string, string>>): Promise<Store> {
  const store = openMemoryStore()
  await write(store, 'ria-layout-version', '1\n')
  await write(store, 'abc/def/ria-layout-version', '2\n')
  return withMethods(store, {
    async *list(directory, options) {
      yield* store.list(directory, options)
      if (directory !== 'alias' || !options?.links) return
      for (const [name, target] of Object.entries(links)) {
        yield { path: `alias/${name}`, target, size: 0, mtimeMs: 0, identity: '' }
      }
    },
  })
}

describe('a name that is to be an alias', () => {
  test.each(['x@1', 'x%20y', 'a#b', 'a?b', ' x', 'x ', '~x', 'a/b', '..', ''])(
    '%j is refused: nobody could clone by it',
    (name) => {
      expect(() => checkNewAlias(name)).toThrow(/is no alias/)
    },
  )

  test.each(['mydata', 'a b', 'ünï', 'x-1.0_b+c', '007'])('%j is taken', (name) => {
    expect(() => checkNewAlias(name)).not.toThrow()
  })

  test('is refused wherever one is made', async () => {
    await expect(setAlias(new StoredDataset(await storeWithLinks({}), 'abc/def'), 'x@1')).rejects.toThrow(
      'is no alias that anybody could clone by',
    )
  })
})

describe('aliases', () => {
  test('are listed where links can be listed but no program be run, and those that dangle are marked', async () => {
    const store = await storeWithLinks({ one: '../abc/def', gone: '../abc/gone', odd: '/etc' })
    expect(await listAliases(store)).toEqual([
      { name: 'gone', directory: 'abc/gone', isDangling: true },
      { name: 'odd', directory: undefined, isDangling: true },
      { name: 'one', directory: 'abc/def', isDangling: false },
    ])
  })

  test('are none in a store that is not there yet, where a program can be run but has no place', async () => {
    const store = openMemoryStore()
    const gone = new StoreError({ kind: 'missing', op: 'exec', where: 'memory:', message: 'no such directory' })
    const exec = () => Promise.reject(gone)
    const empty = withMethods(store, { exec, traits: { ...store.traits, exec: true } })
    expect(await listAliases(empty)).toEqual([])
    expect(await findAlias(new StoredDataset(empty, 'abc/def'), 'mydata', {})).toBe('free')
  })

  test('that lead to no dataset are said to, and where they lead', async () => {
    const store = await storeWithLinks({ gone: '../abc/gone' })
    await write(store, 'alias/file/riastore-alias', 'xyz/gone\n')
    await expect(findDataset(store, '~gone')).rejects.toThrow(
      'the alias ~gone names a dataset that is not in the store (../abc/gone): riastore alias rm takes it away',
    )
    await expect(findDataset(store, '~file')).rejects.toThrow(
      'the alias ~file names a dataset that is not in the store (xyz/gone)',
    )
    await expect(findDataset(store, '~nobody')).rejects.toThrow('the dataset ~nobody is not in the store')
  })
})

test.each([
  ['../abc/def', 'abc/def'],
  ['../abc/def/', 'abc/def'],
  ['/data/store/abc/def', 'abc/def'],
  ['../../abc/def', undefined],
  ['abc/def', undefined],
  ['/etc', undefined],
])('the link %s leads to the dataset %s', (target, directory) => {
  expect(directoryOfLink(target)).toBe(directory)
})
