import { StoreError } from '../../core/errors.ts'
import { aliasDirectory, readAlias } from '../../ria/layout/alias-file.ts'
import { directoryOfLink, readAliasLink } from '../../ria/layout/alias-link.ts'
import { LAYOUT_FILE } from '../../ria/layout/paths.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Store } from '../../store/store.ts'

/**
 * Whether an alias names this dataset, or can. Throws StoreError `conflict` when it, or what lies
 * in its place, is somebody else's.
 */
export async function findAlias(dataset: StoredDataset, alias: string, call: CallOptions): Promise<'ours' | 'free'> {
  const path = aliasDirectory(alias)
  const link = await readAliasLink(dataset.store, alias, call)
  const owner = link === undefined ? await readAlias(dataset.store, alias, call) : (directoryOfLink(link) ?? link)
  if (owner === undefined) {
    if (await isEmpty(dataset.store, path, call)) return 'free'
    throw conflict(dataset.store, path, 'there is something else in the place of this alias: choose another')
  }
  if (owner === dataset.directory) return 'ours'
  if ((await dataset.store.stat(`${owner}/${LAYOUT_FILE}`, call)) === undefined) {
    throw conflict(
      dataset.store,
      path,
      `this alias names a dataset that is not there (${owner}): take it away with riastore alias rm`,
    )
  }
  throw conflict(dataset.store, path, `another dataset has this alias (${owner}): choose another`)
}

function conflict(store: Store, path: string, message: string): StoreError {
  return new StoreError({ kind: 'conflict', op: 'alias', where: `${store.traits.root}/${path}`, message, sent: 'no' })
}

async function isEmpty(store: Store, path: string, call: CallOptions): Promise<boolean> {
  if ((await store.stat(path, call)) !== undefined) return false
  for await (const _entry of store.list(path, call)) return false
  return true
}
