import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type GitConfig, parseGitConfig } from '../core/git-config.ts'
import { bufferSource } from '../core/source.ts'
import { inTemporaryDirectory } from '../core/work-directory.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { CallOptions, Sharing } from '../store/store.ts'
import { git } from './objects/git.ts'
import { readText } from './refs/views.ts'

/** By it `datalad clone` knows the storage sibling of the store that it clones from. */
export const SIBLING_UUID = 'datalad.ora-remote.uuid'

/** The configuration of a bare repository; undefined where it has none. Throws StoreError. */
export async function readRepositoryConfig(dataset: StoredDataset, call: CallOptions): Promise<GitConfig | undefined> {
  const path = dataset.path('config')
  const text = await readText(dataset.store, path, call)
  return text === undefined ? undefined : parseGitConfig(Buffer.from(text), dataset.where(path))
}

/**
 * Sets a value in the configuration of a bare repository that has one, wherever it lies: git itself
 * writes it into a copy, so the rest of somebody's configuration stays as it is. Throws StoreError
 * and GitError.
 */
export async function setRepositoryConfig(
  dataset: StoredDataset,
  key: string,
  value: string,
  options: CallOptions & { readonly sharing?: Sharing | undefined },
): Promise<void> {
  const [store, path] = [dataset.store, dataset.path('config')]
  const text = await readText(store, path, options)
  if (text === undefined) return
  await inTemporaryDirectory(async (scratch) => {
    const file = join(scratch, 'config')
    await writeFile(file, text)
    await git(['config', '--file', file, '--replace-all', key, value], { signal: options.signal })
    const changed = await readFile(file, 'utf8')
    if (changed !== text) await store.put(path, bufferSource(changed), options)
  })
}
