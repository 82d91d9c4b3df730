import { chmod, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { dirHash } from '../../../src/core/dirhash.ts'
import { keyFileName } from '../../../src/core/key.ts'
import { EMPTY_STATE, formatState, type RefState } from '../../../src/git/refs/ref-state.ts'
import { writeViews } from '../../../src/git/refs/views.ts'
import { StoredDataset } from '../../../src/ria/layout/stored-dataset.ts'
import type { Store } from '../../../src/store/store.ts'
import { commitFiles } from '../repos/memory-repository.ts'
import { listed, read, write } from './stores.ts'

/** What a dataset of a store must have for all kinds of damage to be done to it. */
export interface Victim {
  readonly store: Store
  readonly directory: string
  /** A loose key, whose name has its length and a checksum. */
  readonly key: string
}

const NOT_THERE = '0123456789012345678901234567890123456789'

/** Each kind of damage that `riastore check` knows, by the code that it has for it. */
export const DAMAGES: Readonly<Record<string, (victim: Victim) => Promise<void>>> = {
  'alias-dangling': ({ store }) => write(store, 'alias/lost/riastore-alias', 'abc/def-not-there\n'),
  'alias-unreadable': ({ store }) => write(store, 'alias/torn/riastore-alias', 'what?'),
  'half-dataset': ({ store }) => write(store, 'abc/half/HEAD', 'ref: refs/heads/main\n'),
  layout: ({ store, directory }) => write(store, `${directory}/ria-layout-version`, '7\n'),
  'key-size': (victim) => write(victim.store, placeOf(victim), 'cut of'),
  'data-damaged': async (victim) => {
    const content = await read(victim.store, placeOf(victim))
    content.writeUInt8(content.readUInt8(0) ^ 1, 0)
    await write(victim.store, placeOf(victim), content)
  },
  'key-misplaced': async (victim) => {
    const content = await read(victim.store, placeOf(victim))
    await write(victim.store, placeOf(victim).replace('/annex/objects/', '/annex/objects/zz/zz/of/'), content)
  },
  'archive-damaged': ({ store, directory }) => write(store, `${directory}/archives/archive.7z`, 'x'.repeat(100)),
  'ref-dangling': ({ store, directory }) => write(store, `${directory}/refs/heads/lost`, `${NOT_THERE}\n`),
  'pack-damaged': ({ store, directory }) =>
    write(store, `${directory}/objects/pack/pack-${NOT_THERE}.pack`, 'PACK torn'),
  'foreign-annex': ({ store, directory }) =>
    write(
      store,
      `${directory}/config`,
      '[core]\n\tbare = true\n[annex]\n\tuuid = 11111111-2222-3333-4444-555555555555\n',
    ),
}

/** Longer ago than anybody works at one thing. ms. */
const LONG_MS = 48 * 3_600_000

/** Damage to a dataset whose pushes riastore keeps (`keepRefLog`). */
export const DAMAGES_OF_PUSHES: Readonly<Record<string, (victim: Victim) => Promise<void>>> = {
  views: ({ store, directory }) => write(store, `${directory}/info/refs`, `${NOT_THERE}\trefs/heads/main\n`),
  'alias-double': async ({ store, directory }) => {
    await write(store, 'abc/def/ria-layout-version', '2\n')
    await write(store, 'alias/taken/riastore-alias', 'abc/def\n')
    await keepRefLog(store, directory, { aliases: ['taken'], generation: 2 })
  },
  // The last: what the repository says of itself is another dataset.
  'dataset-id': async ({ store, directory }) => {
    const said = '[datalad "dataset"]\n\tid = 99999999-8888-7777-6666-555555555555\n'
    const main = await commitFiles(store, directory, { '.datalad/config': said })
    await store.remove(`${directory}/refs/heads/main`)
    const generation = (await listed(store.list(`${directory}/riastore/refs`))).length + 1
    await keepRefLog(store, directory, { refs: new Map([['refs/heads/main', main]]), generation })
  },
}

/** Damage by old files, in a store that lies at `root` on this machine. */
export const OLD_FILES: Readonly<Record<string, (victim: Victim, root: string) => Promise<void>>> = {
  leftover: async ({ store, directory }, root) => {
    const transfer = `${directory}/ora-remote-x/transfer`
    await writeOld({ store, root }, `${transfer}/riastore-1-0123456789ab-1.tmp`, 'half a key')
    await writeOld({ store, root }, `${transfer}/MD5-s3--900150983cd24fb0d6963f7d28e17f72`, 'ab')
    await writeOld({ store, root }, `${directory}/archives/riastore-1-0123456789ab-2.tmp`, 'half an archive')
  },
  lock: async ({ store, directory }, root) => {
    await writeOld({ store, root }, `${directory}/packed-refs.lock`, '')
    await writeOld(
      { store, root },
      `${directory}/archives/lock`,
      '{"program":"riastore","host":"gone","pid":1,"token":"dead"}',
    )
  },
}

/** Damage that is done to the files of a store, which lies at `root` on this machine. */
export const DAMAGES_OF_FILES: Readonly<Record<string, (victim: Victim, root: string) => Promise<void>>> = {
  mode: (victim, root) => chmod(join(root, placeOf(victim)), 0o666),
}

async function writeOld(
  { store, root }: { readonly store: Store; readonly root: string },
  path: string,
  content: string,
): Promise<void> {
  await write(store, path, content)
  const old = new Date(Date.now() - LONG_MS)
  await utimes(join(root, path), old, old)
}

/** Makes a push of what git keeps in a dataset, or of more, as riastore keeps them. */
export async function keepRefLog(store: Store, directory: string, more: Partial<RefState>): Promise<void> {
  const last = more.generation ?? 1
  const name = (generation: number) => `${directory}/riastore/refs/${String(generation).padStart(10, '0')}`
  let before: RefState = EMPTY_STATE
  if (last > 1) {
    const { refs, head } = JSON.parse((await read(store, name(last - 1))).toString()) as {
      refs: Record<string, string>
      head: string
    }
    before = { ...EMPTY_STATE, refs: new Map(Object.entries(refs)), head }
  }
  const state = { ...before, head: 'refs/heads/main', generation: last, ...more }
  await write(store, name(last), formatState(state, `token-${last}`, last > 1 ? `token-${last - 1}` : undefined))
  const dataset = new StoredDataset(store, directory)
  await writeViews(dataset, state)
  await write(store, `${directory}/refs/.keep`, '')
}

/** Where a loose key lies in a dataset of layout version 2. */
export function placeOf({ directory, key }: Pick<Victim, 'directory' | 'key'>): string {
  const name = keyFileName(key)
  return `${directory}/annex/objects/${dirHash(name).mixed}/${name}/${name}`
}
