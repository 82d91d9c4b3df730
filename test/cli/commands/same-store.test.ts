import { mkdir, readdir, symlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openLocalStore } from '../../../src/store/local/local.ts'
import type { Store } from '../../../src/store/store.ts'
import { riastore } from '../../support/programs/console-double.ts'
import { DIRECTORY, ID } from '../../support/stores/memory-dataset.ts'
import { paths, temporaryDirectory, write } from '../../support/stores/stores.ts'

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let store: Store
beforeEach(async () => {
  directory = await temporaryDirectory()
  store = openLocalStore({ root: `${directory.path}/store` })
  await write(store, 'ria-layout-version', '1\n')
  for (const name of ['ria-layout-version', 'annex/objects/W8/p2/MD5-s1--a/MD5-s1--a']) {
    await write(store, `${DIRECTORY}/${name}`, '2\n')
  }
})
afterEach(async () => {
  await store.close()
  await directory.remove()
})

test.each(['copy', 'move'])(
  'a %s into the same store, by another path to it, is refused and changes nothing',
  async (word) => {
    await symlink('store', `${directory.path}/link`)
    const before = await paths(store, '')
    const ran = await riastore([
      word,
      `${directory.path}/store`,
      `${directory.path}/link`,
      ...(word === 'move' ? ['--yes'] : []),
    ])
    expect([ran.code, ran.stderr]).toEqual([2, expect.stringContaining('SRC and DST are the same store')])
    expect(await paths(store, '')).toEqual(before)
  },
)

test('a dataset that is a link into the store that it is moved to is left where it is', async () => {
  const other = `${directory.path}/other`
  await mkdir(dirname(`${other}/${DIRECTORY}`), { recursive: true })
  await symlink(`${directory.path}/store/${DIRECTORY}`, `${other}/${DIRECTORY}`)
  const linked = openLocalStore({ root: other })
  await write(linked, 'ria-layout-version', '1\n')
  await linked.close()
  const before = await paths(store, '')
  const ran = await riastore(['move', other, `${directory.path}/store`, ID, '--yes'])
  expect([ran.code, ran.stderr]).toEqual([2, expect.stringContaining('SRC and DST are the same store')])
  expect(await paths(store, '')).toEqual(before)
  expect(await readdir(other)).not.toContain('trash')
})
