import { mkdir } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { bufferSource } from '../../../src/core/source.ts'
import { openLocalStore } from '../../../src/store/local/local.ts'
import type { Store } from '../../../src/store/store.ts'
import { start } from '../../support/programs/run.ts'
import { atOnceWhereItCan } from '../../support/stores/at-once.ts'
import { temporaryDirectory } from '../../support/stores/stores.ts'

/**
 * Takes away every file that is there for good, and the directory when it is empty, as who purges
 * tombstones does.
 */
const PRUNER = `
  const fs = require('node:fs')
  const directory = process.argv[1]
  const clock = new Int32Array(new SharedArrayBuffer(4))
  for (;;) {
    Atomics.wait(clock, 0, 0, 0.5) // a moment, as long as there is something else to do
    try {
      for (const name of fs.readdirSync(directory)) if (name.startsWith('file')) fs.unlinkSync(directory + '/' + name)
      fs.rmdirSync(directory)
    } catch {}
  }`

it.each([
  ['one after the other', (store: Store) => store],
  ['at once', atOnceWhereItCan],
] as const)(
  'stores files in a directory that another program empties and prunes all the time (%s)',
  async (_how, wrap) => {
    const { path, remove } = await temporaryDirectory()
    await mkdir(`${path}/a`)
    const pruner = start(process.execPath, ['-e', PRUNER, `${path}/a/b`], {})
    const store = wrap(openLocalStore({ root: path }))
    try {
      for (let i = 0; i < 400; i++) await store.put(`a/b/file${i}`, bufferSource('content'))
    } finally {
      pruner.killGroup('SIGKILL')
      await pruner.done
      await store.close()
      await remove()
    }
    expect(pruner.stderr()).toBe('')
  },
)
