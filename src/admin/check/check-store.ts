import { isStoreError, messageOf } from '../../core/errors.ts'
import { listAliases } from '../../git/alias.ts'
import { isDatasetDirectory } from '../../ria/layout/alias-file.ts'
import { LAYOUT_FILE } from '../../ria/layout/paths.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { whyHidden } from './half-dataset.ts'
import type { Report } from './problem.ts'

/**
 * Looks at what belongs to no single dataset: aliases, and directories where a dataset should be.
 * Throws StoreError.
 */
export async function checkStore(store: Store, report: Report, call: CallOptions = {}): Promise<void> {
  await checkAliases(store, report, call)
  await checkPlaces(store, report, call)
}

/**
 * Throws StoreError `unsupported` where nothing can be listed, as over HTTP: what is there may be
 * whole, and nobody can tell.
 */
export async function requireListing(store: Store, call: CallOptions = {}): Promise<void> {
  await hasContent(store, 'alias', call)
}

async function checkAliases(store: Store, report: Report, call: CallOptions): Promise<void> {
  for (const { name, directory, isDangling } of await listAliases(store, call)) {
    if (!isDangling) continue
    const mend = `riastore repair STORE, or riastore alias rm STORE ${name}`
    const path = `alias/${name}`
    if (directory === undefined) {
      const message = `the alias ~${name} names no dataset`
      report({ code: 'alias-unreadable', weight: 'warning', message, path, mend })
    } else {
      const message = `the alias ~${name} names a dataset that is not in the store: ${directory.replace('/', '')}`
      report({ code: 'alias-dangling', weight: 'warning', message, path, mend })
    }
  }
}

/** A directory where a dataset can lie, and that has a repository or keys but no layout file. */
async function checkPlaces(store: Store, report: Report, call: CallOptions): Promise<void> {
  for await (const top of store.children('', call)) {
    if (top.file !== undefined || top.path.length !== 3) continue
    for await (const { path, file } of store.children(top.path, call)) {
      if (file !== undefined || !isDatasetDirectory(path)) continue
      if ((await store.stat(`${path}/${LAYOUT_FILE}`, call)) !== undefined) continue
      const isBegun = await hasContent(store, path, call)
      if (!isBegun) continue
      report({
        code: 'half-dataset',
        weight: 'damage',
        message: `there is a dataset without ${LAYOUT_FILE}: no client finds it`,
        path,
        dataset: path.replace('/', ''),
        mend: (await whyHidden(store, path, call)) ?? 'riastore repair STORE',
      })
    }
  }
}

async function hasContent(store: Store, directory: string, call: CallOptions): Promise<boolean> {
  for await (const _child of store.children(directory, call)) return true
  return false
}

/** Tells what could not be looked at, if that is all. Throws every other error. */
export function unreadable(
  error: unknown,
  at: { readonly path: string; readonly dataset?: string | undefined },
  report: Report,
): void {
  if (!isStoreError(error, 'denied', 'corrupt', 'unsupported', 'missing', 'conflict')) throw error
  const mend = error.kind === 'denied' ? 'run it as somebody who may read it' : 'look at the file'
  report({ code: 'unreadable', weight: 'damage', message: messageOf(error), mend, ...at })
}
