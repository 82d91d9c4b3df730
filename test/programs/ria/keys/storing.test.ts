import { describe, expect, test } from 'vitest'
import { bufferSource } from '../../../../src/core/source.ts'
import { transferDirectory } from '../../../../src/ria/layout/paths.ts'
import type { PutOptions, Store } from '../../../../src/store/store.ts'
import { withFaults } from '../../../../src/store/wrappers/faulty.ts'
import { CONTENT, DIRECTORY, dataset, KEY, memoryStore, UUID } from '../../../support/stores/memory-dataset.ts'

// Git reads the dataset's configuration, which says how files are shared.
const source = bufferSource(CONTENT)
const UPLOADS = transferDirectory(DIRECTORY, UUID)

describe('storing a key', () => {
  test('uploads into the dataset’s own place for that, and makes no dataset directory', async () => {
    const asked: PutOptions[] = []
    const memory = await memoryStore({ config: '[core]\n\tsharedRepository = 0640\n' })
    const store: Store = {
      ...withFaults(memory, []),
      put: (path, from, options) => {
        asked.push(options ?? {})
        return memory.put(path, from, options)
      },
    }
    await dataset(store).store(KEY, source)
    expect(asked).toMatchObject([{ temporary: UPLOADS, within: DIRECTORY, sharing: { mode: 0o640, force: true } }])
  })

  test('reads the layout and the configuration once for many keys', async () => {
    const store = withFaults(await memoryStore({ config: '' }), [])
    const into = dataset(store)
    for (const n of [1, 2, 3]) await into.store(`WORM-s22-m${n}--a`, source)
    expect(store.calls.filter(({ op }) => op === 'get')).toHaveLength(3)
    expect(store.calls.filter(({ op }) => op === 'put')).toHaveLength(3)
  })

  test('is refused when it is not known how files are shared', async () => {
    const store = withFaults(await memoryStore({ config: '' }), [{ fail: 'denied', path: `${DIRECTORY}/config` }])
    const into = dataset(store)
    await expect(into.store(KEY, source)).rejects.toMatchObject({ kind: 'denied' })
    await into.store(KEY, source) // asked again, it answered
  })
})
