import { expect, test } from 'vitest'
import { checkPutIfAbsent } from '../../../src/admin/doctor/race.ts'
import { Scratch } from '../../../src/admin/doctor/scratch.ts'
import { Findings } from '../../../src/core/finding.ts'
import { isPutsRecord, recordAtomicPuts } from '../../../src/ria/layout/atomic-puts.ts'
import type { Store } from '../../../src/store/store.ts'
import { memoryStore, paths, withTraits } from '../../support/stores/memory-dataset.ts'
import { withMethods } from '../../support/stores/stores.ts'

const records = async (store: Store) => (await paths(store)).filter(isPutsRecord)

/** The server keeps what it is asked to keep, but the first so many times. */
function forgetful(store: Store, isHeeded: (nth: number) => boolean): Store {
  let conditions = 0
  return withMethods(store, {
    put: (path, source, { ifAbsent = false, ...options } = {}) =>
      store.put(path, source, { ...options, ifAbsent: ifAbsent && isHeeded(++conditions) }),
  })
}

test.each([
  ['one after the other', () => false],
  ['in a race', (nth: number) => nth <= 2],
])('what init found out is forgotten when put-if-absent is ignored later, %s', async (_how, isHeeded) => {
  const store = withTraits(await memoryStore(), { conditionalPuts: true })
  await recordAtomicPuts(store, {})
  expect(await records(store)).toHaveLength(1)
  const findings = new Findings(() => {})
  await checkPutIfAbsent(findings, new Scratch(store, undefined, { makeRoot: false }), 'it is ignored')
  expect(await records(store)).toHaveLength(1)
  const later = forgetful(store, isHeeded)
  await checkPutIfAbsent(findings, new Scratch(later, undefined, { makeRoot: false }), 'it is ignored')
  expect(findings.all.map(({ result }) => result)).toContain('unsafe')
  expect(await records(store)).toEqual([])
})
