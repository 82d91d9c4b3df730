import { isStoreError, StoreError } from '../core/errors.ts'
import { decode } from '../core/text.ts'
import { aliasDirectory, readAlias } from '../ria/alias-file.ts'
import type { CallOptions, Store } from '../store/store.ts'
import { execWithin } from './sibling-exec.ts'

/** Whether an alias names this dataset, or can. Throws StoreError `conflict` when it, or what lies in its place, is somebody else's. */
export async function findAlias(
  store: Store,
  directory: string,
  alias: string,
  call: CallOptions,
): Promise<'ours' | 'free'> {
  const path = aliasDirectory(alias)
  const link = (await readLink(store, path, call)) ?? (await readAlias(store, alias, call))
  if (link === undefined) {
    if (await isEmpty(store, path, call)) return 'free'
    throw conflict(store, path, 'there is something else in the place of this alias: choose another')
  }
  const target = link.replace(/^\.\.\//, '').replace(/\/+$/, '')
  if (target === directory || target.endsWith(`/${directory}`)) return 'ours'
  throw conflict(store, path, `another dataset has this alias (${target}): choose another`)
}

function conflict(store: Store, path: string, message: string): StoreError {
  return new StoreError({ kind: 'conflict', op: 'alias', where: `${store.traits.root}/${path}`, message, sent: 'no' })
}

async function isEmpty(store: Store, path: string, call: CallOptions): Promise<boolean> {
  if ((await store.stat(path, call)) !== undefined) return false
  for await (const _entry of store.list(path, call)) return false
  return true
}

/** What a symbolic link in the store says; undefined where there is none, or nobody can look. */
async function readLink(store: Store, path: string, call: CallOptions): Promise<string | undefined> {
  if (!store.traits.exec) return undefined
  try {
    const { code, stdout } = await execWithin(store, ['readlink', '--', path], call)
    return code === 0 ? decode(stdout).replace(/\n$/, '') : undefined
  } catch (error) {
    if (!isStoreError(error, 'unsupported', 'missing')) throw error
    return undefined
  }
}
