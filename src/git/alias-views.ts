import { join } from 'node:path'
import { fileSource } from '../core/source.ts'
import { inTemporaryDirectory } from '../core/work-directory.ts'
import { aliasDirectory, aliasFile, readAlias } from '../ria/layout/alias-file.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { CallOptions, Store } from '../store/store.ts'
import { download } from './objects/pack-files.ts'
import type { RefState } from './refs/ref-state.ts'
import { readText, writeViews } from './refs/views.ts'

/**
 * Makes `alias/<name>/` what git reads over HTTP: the views, and copies of the packs, for git
 * follows no alternates of a server unless it is told to (http.followRedirects). Nothing is done
 * for an alias that another dataset has.
 */
export async function writeAliasViews(
  dataset: StoredDataset,
  name: string,
  state: RefState,
  call: CallOptions = {},
): Promise<void> {
  if ((await readAlias(dataset.store, name, call)) !== dataset.directory) return
  const alias = aliasDirectory(name)
  const there = new Set<string>()
  for await (const { path } of dataset.store.list(`${alias}/objects/pack`, call)) there.add(path)
  for (const pack of state.packs) {
    // The index is the first to come and the last to go.
    for (const suffix of ['idx', 'pack']) {
      const path = `objects/pack/${pack}.${suffix}`
      if (!there.has(`${alias}/${path}`)) await copy(dataset.store, dataset.path(path), `${alias}/${path}`, call)
    }
  }
  const config = await readText(dataset.store, dataset.path('config'), call)
  if (config !== undefined && config !== (await readText(dataset.store, `${alias}/config`, call))) {
    await copy(dataset.store, dataset.path('config'), `${alias}/config`, call)
  }
  await writeViews(dataset.at(alias), state, {}, call)
}

/** Takes an alias away from a dataset, if it has it. */
export async function removeAliasViews(dataset: StoredDataset, name: string, call: CallOptions = {}): Promise<void> {
  const owner = await readAlias(dataset.store, name, call)
  if (owner !== undefined && owner !== dataset.directory) return
  const file = aliasFile(name)
  for await (const { path } of dataset.store.list(aliasDirectory(name), call)) {
    if (path !== file) await dataset.store.remove(path, call)
  }
  await dataset.store.remove(file, call) // the last: until then nobody else can have the name
}

async function copy(store: Store, from: string, to: string, call: CallOptions): Promise<void> {
  await inTemporaryDirectory(async (work) => {
    const file = join(work, 'copy')
    await download(store, from, file, call)
    await store.put(to, await fileSource(file), call)
  })
}
