import { ConfigError, isStoreError, messageOf } from '../../core/errors.ts'
import { decode } from '../../core/text.ts'
import { readRefs } from '../../git/read-remote.ts'
import { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import type { Dataset } from '../dataset.ts'

/** Branches that every git-annex repository has, whatever its history. */
const NOT_HISTORY = /^refs\/heads\/(git-annex$|synced\/|adjusted\/)/

/**
 * Makes sure that the repository in the store is of this dataset, before the dataset is pushed
 * there: of what has been pushed to it, something has an ancestor in common with what is checked
 * out here. What is not known here is fetched for that, from `gitUrl`; no ref changes. Throws
 * ConfigError.
 */
export async function requireSameHistory(
  dataset: Dataset,
  store: Store,
  { directory, gitUrl }: { readonly directory: string; readonly gitUrl: string },
  call: CallOptions,
): Promise<void> {
  if (!(await dataset.hasCommit())) return
  const branches = await branchesIn(new StoredDataset(store, directory), call)
  if (branches.size === 0) return
  const unknown: string[] = []
  for (const [name, commit] of branches) {
    const { code } = await dataset.git(['cat-file', '-e', `${commit}^{commit}`], { mayEndWith: [1, 128] })
    if (code === 0 && (await isRelated(dataset, commit))) return
    if (code !== 0) unknown.push(name)
  }
  const where = `${dataset.path}: the repository in the store, ${store.traits.root}/${directory},`
  if (unknown.length > 0) {
    const options = ['--quiet', '--no-tags', '--no-write-fetch-head', '--no-recurse-submodules']
    try {
      await dataset.git(['fetch', ...options, gitUrl, ...unknown])
    } catch (error) {
      if (call.signal?.aborted || isStoreError(error, 'aborted')) throw error
      throw new ConfigError(`${where} cannot be compared with this dataset: ${messageOf(error)}`)
    }
    for (const name of unknown) if (await isRelated(dataset, branches.get(name) ?? '')) return
  }
  const shallow = decode((await dataset.git(['rev-parse', '--is-shallow-repository'])).stdout).trim() === 'true'
  const why = shallow ? 'no commit that this shallow clone knows: git fetch --unshallow first' : 'another history'
  throw new ConfigError(`${where} has ${why}. Two datasets of one id cannot both be there`)
}

async function branchesIn(dataset: StoredDataset, call: CallOptions): Promise<ReadonlyMap<string, string>> {
  try {
    const { refs } = await readRefs(dataset, call)
    return new Map([...refs].filter(([name]) => name.startsWith('refs/heads/') && !NOT_HISTORY.test(name)))
  } catch (error) {
    if (isStoreError(error, 'missing')) return new Map() // nothing was pushed yet
    throw error
  }
}

async function isRelated(dataset: Dataset, commit: string): Promise<boolean> {
  const { code } = await dataset.git(['merge-base', 'HEAD', commit], { mayEndWith: [1, 128] })
  return code === 0
}
