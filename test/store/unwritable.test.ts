import { describe, expect, test } from 'vitest'
import { examinePlace } from '../../src/admin/doctor/examine.ts'
import { StoreError } from '../../src/core/errors.ts'
import type { Finding } from '../../src/core/finding.ts'
import { StoredDataset } from '../../src/ria/layout/stored-dataset.ts'
import { makeStore } from '../../src/ria/make-store.ts'
import { makeRepository } from '../../src/setup/sibling/bare-repository.ts'
import { openMemoryStore } from '../../src/store/memory.ts'
import type { Store } from '../../src/store/store.ts'
import { unwritable } from '../../src/store/unwritable.ts'
import { withMethods, write } from '../support/stores/stores.ts'

const WORDS =
  'nothing can be written there (permission denied): may we write in it or, where it is not there yet, in the directory above?'

const denied = (op: string, message = 'permission denied') =>
  new StoreError({ kind: 'denied', op, where: 'memory:/file', message })

/** A store in which nothing can be stored. */
async function readOnly(): Promise<Store> {
  const store = openMemoryStore()
  await write(store, 'somewhere/else', 'x')
  await store.remove('somewhere/else')
  return withMethods(store, { put: () => Promise.reject(denied('put')) })
}

describe('a place that cannot be written to gets the same words', () => {
  test('where a store is made', async () => {
    await expect(makeStore(await readOnly(), true, {})).rejects.toThrow(`write to memory:: ${WORDS}`)
  })

  test('where it is examined first', async () => {
    const findings: Finding[] = []
    await examinePlace(await readOnly(), { report: (finding) => findings.push(finding) })
    expect(findings).toMatchObject([{ check: 'writable', result: 'warning', why: `write to memory:: ${WORDS}` }])
  })

  test('where a dataset is made in a store', async () => {
    const wish = { git: true, annex: true, uuid: undefined, shared: undefined, group: undefined }
    const made = makeRepository(
      new StoredDataset(await readOnly(), 'abc/def'),
      'files',
      { ...wish, hook: false, branch: undefined, isNew: true, token: 't' },
      {},
    )
    await expect(made).rejects.toThrow(`write to memory:/abc/def: ${WORDS}`)
  })
})

test.each([
  ['what cannot be read', denied('get')],
  ['an account that a server refuses', denied('put', 'host denies access (AccessDenied)')],
  ['another failure', new StoreError({ kind: 'full', op: 'put', where: 'memory:/file', message: 'no space is left' })],
])('%s keeps its own words', async (_what, error) => {
  expect(unwritable(openMemoryStore(), error)).toBe(error)
})
