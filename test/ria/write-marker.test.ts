import { beforeEach, describe, expect, test } from 'vitest'
import { StoreError } from '../../src/core/errors.ts'
import { StoredDataset } from '../../src/ria/layout/stored-dataset.ts'
import { writeMarker } from '../../src/ria/write-marker.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'
import { paths, write } from '../support/stores/stores.ts'

let store: Store
beforeEach(async () => {
  store = openMemoryStore()
  await write(store, 'abc/def/ria-layout-version', '2')
})

/** The store, some of its methods replaced. */
function but(replaced: Partial<Store>): Store {
  const methods = ['stat', 'get', 'put', 'remove'] as const
  const bound = Object.fromEntries(methods.map((name) => [name, store[name].bind(store)]))
  return { ...bound, traits: store.traits, ...replaced } as Store
}

const denied = async () => {
  throw new StoreError({ kind: 'denied', op: 'x', where: 'x', message: 'host denies access (AccessDenied)' })
}

test('a store that keeps what it is given passes, and nothing is left in it', async () => {
  await writeMarker(new StoredDataset(store, 'abc/def'))
  expect(await paths(store, '')).toEqual(['abc/def/ria-layout-version'])
})

describe('a store is refused, and nothing is left in it that can be removed,', () => {
  test.each<[string, () => Partial<Store>, string, string]>([
    ['that takes nothing', () => ({ put: denied }), 'denied', 'the store cannot be written to: host denies access'],
    ['that gives nothing back', () => ({ get: denied }), 'denied', 'what was just written cannot be read: host denies'],
    [
      'that lost it',
      () => ({
        put: async () => ({ size: 0, mtimeMs: 0, identity: '' }),
      }),
      'missing',
      'what was just written cannot be read: ',
    ],
    [
      'that gives something else of the same length',
      () => ({
        get: (path, consume, options) =>
          store.get(
            path,
            (bytes, stat) =>
              consume(
                (async function* () {
                  for await (const part of bytes) yield new Uint8Array(part.length)
                })(),
                stat,
              ),
            options,
          ),
      }),
      'corrupt',
      'what was just written reads differently',
    ],
    [
      'that gives a longer page',
      () => ({
        get: async (_path, consume) =>
          consume(
            (async function* () {
              yield Buffer.alloc(5000, '<html>')
            })(),
            { size: 5000, mtimeMs: 0, identity: '' },
          ),
      }),
      'corrupt',
      'what was just written cannot be read: ',
    ],
  ])('%s', async (_what, replaced, kind, message) => {
    const attempt = writeMarker(new StoredDataset(but(replaced()), 'abc/def'))
    await expect(attempt).rejects.toMatchObject({ name: 'StoreError', kind })
    await expect(attempt).rejects.toThrow(message)
    expect(await paths(store, '')).toEqual(['abc/def/ria-layout-version'])
  })
})

test.each<[string, () => Partial<Store>, string]>([
  ['refuses to remove', () => ({ remove: denied }), 'what was just written cannot be removed: host denies access'],
  ['only says that it removed', () => ({ remove: async () => {} }), 'what was just removed is still there'],
])('a store that %s is refused', async (_what, replaced, message) => {
  await expect(writeMarker(new StoredDataset(but(replaced()), 'abc/def'))).rejects.toThrow(message)
})
