import { dirHash } from '../../../src/core/dirhash.ts'
import { keyFileName } from '../../../src/core/key.ts'
import type { Store } from '../../../src/store/store.ts'
import { read, write } from './stores.ts'

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

/** Where a loose key lies in a dataset of layout version 2. */
export function placeOf({ directory, key }: Pick<Victim, 'directory' | 'key'>): string {
  const name = keyFileName(key)
  return `${directory}/annex/objects/${dirHash(name).mixed}/${name}/${name}`
}
