import { expect, test } from 'vitest'
import type { Work } from '../../../src/admin/compaction/builder.ts'
import { chooseBuilder } from '../../../src/admin/compaction/choose-builder.ts'
import { LooseTable, STATE } from '../../../src/admin/compaction/loose-table.ts'
import { StoreError } from '../../../src/core/errors.ts'
import type { Stat, Store } from '../../../src/store/store.ts'
import { DIRECTORY, memoryStore, withTraits } from '../../support/stores/memory-dataset.ts'
import { withMethods } from '../../support/stores/stores.ts'

const OLD = '\n7-Zip [64] 16.02 : Copyright\np7zip Version 16.02 (locale=C)\n'
const NEW = '\n7-Zip (z) 24.08 (x64) : Copyright\n'

/** On a server that has these programs, each saying this. */
async function serverWith(programs: Readonly<Record<string, string>>): Promise<Store> {
  const store = withTraits(await memoryStore(), { exec: true, local: false })
  return withMethods(store, {
    exec: async ([program = '']) => {
      const said = programs[program]
      return { code: said === undefined ? 127 : 0, stdout: Buffer.from(said ?? ''), stderr: '' }
    },
  })
}

const ARCHIVE: Stat = { size: 100, identity: 'x', mtimeMs: 0 }

async function kindFor(store: Store, old: Stat | undefined): Promise<string> {
  const work: Work = {
    store,
    directory: DIRECTORY,
    temporary: 'x',
    old,
    drop: new Set(),
    add: new LooseTable().in(STATE.add),
    level: 0,
    permissions: undefined,
  }
  return (await chooseBuilder(work, {})).kind
}

test.each([
  ['a 7z that is new enough', { '7z': NEW }, 'server', 'server'],
  ['an old 7zz and a new 7za', { '7zz': OLD, '7za': NEW }, 'server', 'server'],
  ['an old 7z', { '7z': OLD }, 'server', 'client'],
  ['a 7z that does not tell its version', { '7z': '7-Zip of mine' }, 'server', 'client'],
  ['no 7z', {}, 'client', 'client'],
])(
  'on a server with %s an archive that others may have made is only given to a 7z that is new enough',
  async (_what, programs, made, given) => {
    const store = await serverWith(programs)
    expect(await kindFor(store, undefined)).toBe(made)
    expect(await kindFor(store, ARCHIVE)).toBe(given)
  },
)

test('without a shell on the server keys are packed here', async () => {
  const store = withMethods(await serverWith({}), {
    exec: async () => {
      throw new StoreError({ kind: 'unsupported', op: 'exec', where: 'x', message: 'no shell' })
    },
  })
  expect(await kindFor(store, ARCHIVE)).toBe('client')
})

test('nothing is brought here to be packed when there is no 7z here that can do it', async () => {
  const gets: string[] = []
  const store = withMethods(await serverWith({}), {
    get: async (path) => {
      gets.push(path)
    },
  })
  const work: Work = {
    store,
    directory: DIRECTORY,
    temporary: 'x',
    old: ARCHIVE,
    drop: new Set(),
    add: new LooseTable().in(STATE.add),
    level: 0,
    permissions: undefined,
  }
  const builder = await chooseBuilder(work, {})
  await expect(builder.build()).rejects.toMatchObject({
    kind: 'unsupported',
    reason: expect.stringContaining('install 7-Zip 24.08 or newer'),
  })
  expect(gets).toEqual([])
})
