import { isStoreError } from '../../core/errors.ts'
import { decode } from '../../core/text.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { aliasDirectory, isDatasetDirectory } from './alias-file.ts'

/**
 * What the symbolic links in `alias/` say, by name: on a disk, over SSH and over SFTP. Throws
 * StoreError `unsupported` where nothing can be listed. Other stores have no links.
 */
export async function readAliasLinks(store: Store, call: CallOptions = {}): Promise<ReadonlyMap<string, string>> {
  const names = await printed(
    store,
    ['find', 'alias', '-mindepth', '1', '-maxdepth', '1', '-type', 'l', '-print0'],
    call,
  )
  const links = new Map<string, string>()
  for (const path of names?.split('\0').slice(0, -1) ?? []) {
    const target = await readLink(store, path, call)
    if (target !== undefined) links.set(path.slice('alias/'.length), target)
  }
  if (names !== undefined) return links
  for await (const { path, target } of store.list('alias', { ...call, links: true })) {
    if (target !== undefined && path.split('/').length === 2) links.set(path.slice('alias/'.length), target)
  }
  return links
}

/** What the link of an alias says; undefined where there is none, or nobody can look. */
export async function readAliasLink(store: Store, name: string, call: CallOptions = {}): Promise<string | undefined> {
  const path = aliasDirectory(name)
  if (store.traits.exec) {
    const target = await readLink(store, path, call)
    if (target !== undefined) return target
  }
  try {
    return (await readAliasLinks(store, call)).get(name)
  } catch (error) {
    if (!isStoreError(error, 'unsupported')) throw error
    return undefined
  }
}

/**
 * The dataset's directory that a link leads to: `../abc/def`, or an absolute path to the same.
 * Undefined for a link to anything else.
 */
export function directoryOfLink(target: string): string | undefined {
  const [, directory = ''] = /^(?:\.\.|\/.*)\/([^/]{3}\/[^/]+)\/*$/s.exec(target) ?? []
  return isDatasetDirectory(directory) ? directory : undefined
}

async function readLink(store: Store, path: string, call: CallOptions): Promise<string | undefined> {
  const line = await printed(store, ['readlink', '--', path], call)
  return line?.replace(/\n$/, '') || undefined
}

/** What a program printed; undefined where none can be run. */
async function printed(store: Store, command: readonly string[], call: CallOptions): Promise<string | undefined> {
  if (!store.traits.exec) return undefined
  try {
    return decode((await store.exec(command, { ...call, cwd: '' })).stdout)
  } catch (error) {
    if (!isStoreError(error, 'unsupported', 'missing')) throw error // missing: there is no store yet
    return undefined
  }
}
