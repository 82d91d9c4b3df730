import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { syncFileSystem } from '../../../../src/bulk/clone/sync.ts'
import type { OpenRemote } from '../../../../src/bulk/open-remote.ts'
import { DirectWrites } from '../../../../src/bulk/small/direct-writes.ts'
import { transferDirectory } from '../../../../src/ria/layout/paths.ts'
import { StoredDataset } from '../../../../src/ria/layout/stored-dataset.ts'
import { openLocalStore } from '../../../../src/store/local/local.ts'
import { temporaryDirectory } from '../../../support/stores/stores.ts'

test.each([
  ['that others share is left to the store, which gives what it makes their permissions', 'group', undefined],
  ['that nobody shares is written to', 'umask', expect.any(DirectWrites)],
])('a dataset %s', async (_what, shared, expected) => {
  const root = await temporaryDirectory()
  const directory = '012/3456789'
  for (const made of [transferDirectory(directory, '0a1b'), `${directory}/annex/objects`])
    mkdirSync(join(root.path, made), { recursive: true })
  writeFileSync(join(root.path, directory, 'config'), `[core]\n\tsharedRepository = ${shared}\n`)
  const store = openLocalStore({ root: root.path })
  const layout = { dataset: { version: '2', flags: '' } }
  const dataset = { stored: new StoredDataset(store, directory) }
  const remote = { store, directory, layout, dataset, remote: { uuid: '0a1b' } }
  const writes = await DirectWrites.for(remote as unknown as OpenRemote, {})
  expect(writes).toEqual(expected)
  await writes?.close()
  await root.remove()
})

test.each(['/no/such/directory', '/no/such/option'])(
  'a file system that cannot be synced is an error: %s',
  async (path) => {
    await expect(syncFileSystem(path)).rejects.toMatchObject({ kind: 'unsupported', op: 'sync' })
  },
)
