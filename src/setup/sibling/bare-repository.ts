import { isStoreError, StoreError } from '../../core/errors.ts'
import { parseGitConfig } from '../../core/git-config.ts'
import { readText } from '../../git/refs/views.ts'
import { refuseLoss } from '../../git/refuse-loss.ts'
import { isAppendOnly } from '../../ria/layout/append-only.ts'
import { DATASET_VERSIONS, LAYOUT_FILE, parseLayoutVersion } from '../../ria/layout/paths.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { parseSharing } from '../../store/sharing.ts'
import type { CallOptions, Sharing, Store } from '../../store/store.ts'
import { unwritable } from '../../store/unwritable.ts'
import { withStrictLinks } from '../../store/wrappers/strict-links.ts'
import { makeByFiles, removeByFiles } from './bare-repository-files.ts'
import { makeByShell, removeByShell } from './bare-repository-shell.ts'
import type { RepositoryWish } from './repository-wish.ts'

/** What is in a store in place of a dataset. */
export interface RepositoryState {
  readonly hasLayout: boolean
  readonly hasGit: boolean
  /** Of the storage sibling, as the repository's configuration has it. */
  readonly uuid: string | undefined
  readonly sharing: Sharing | undefined
  /** git keeps it ready for a plain web server. */
  readonly hasHook: boolean
}

/** `shell`: git makes it, where the store lies. `files`: its files are written one by one. */
export type RepositoryMaker = 'shell' | 'files'

/** Throws StoreError `unsupported` for a layout version that we do not know. */
export async function inspectRepository(dataset: StoredDataset, call: CallOptions): Promise<RepositoryState> {
  const path = (name: string) => `${dataset.directory}/${name}`
  const names = ['HEAD', 'config', LAYOUT_FILE, 'hooks/post-update']
  const [head, config, layout, hook] = await dataset.store.statAll(names.map(path), call)
  if (layout !== undefined) await requireKnownLayout(dataset.store, path(LAYOUT_FILE), call)
  const text = config && (await readText(dataset.store, path('config'), call))
  const where = dataset.where(path('config'))
  const settings = text === undefined ? undefined : await parseGitConfig(Buffer.from(text), where)
  return {
    hasLayout: layout !== undefined,
    hasGit: (head ?? config) !== undefined,
    uuid: settings?.get('datalad.ora-remote.uuid') || undefined,
    sharing: parseSharing(settings?.get('core.sharedrepository')),
    hasHook: hook !== undefined,
  }
}

/**
 * Makes the directory of a dataset, or adds to it what it lacks; the layout file comes last, so
 * nobody takes it for a dataset before it is whole. A new one has its token until
 * `finishRepository`. Throws StoreError: `conflict` when it is there already and should be new.
 */
export async function makeRepository(
  dataset: StoredDataset,
  maker: RepositoryMaker,
  wish: RepositoryWish,
  call: CallOptions,
): Promise<void> {
  const { store, directory } = dataset
  if (maker === 'shell') await requireOwnWay(dataset, call)
  try {
    await (maker === 'files' ? makeByFiles(dataset, wish, call) : makeByShell(dataset, wish, call))
    if (wish.git && (await isAppendOnly(store, directory, call))) await refuseLoss(dataset, call)
  } catch (error) {
    if (maker === 'files' || !isStoreError(error, 'unsupported')) throw unwritable(store, error, directory)
    if (!wish.git) return makeByFiles(dataset, wish, call)
    throw new StoreError({
      kind: 'unsupported',
      op: 'git init',
      where: store.traits.root,
      message: `no git can be run there (${error.reason}): use ria+sftp://, which needs none`,
      cause: error,
    })
  }
}

/**
 * Takes the token away from what makeRepository made anew, once whoever takes it back knows that
 * it is whole. The shell must not do so: who is interrupted right after it would not know whose the
 * repository is.
 */
export async function finishRepository(
  dataset: StoredDataset,
  maker: RepositoryMaker,
  { isNew, token }: RepositoryWish,
  call: CallOptions,
): Promise<void> {
  if (maker === 'shell' && isNew) await dataset.store.remove(dataset.path(token), call)
}

/** What git, mkdir and chmod work in or write to. */
const WORKED_IN = [
  'annex/objects/x',
  'archives/x',
  'hooks/x',
  'info/x',
  'objects/info/x',
  'objects/pack/x',
  'refs/heads/x',
]
const WRITTEN_TO = ['config', 'HEAD', 'description', 'info/refs', 'objects/info/packs', 'hooks/post-update']

/**
 * The shell follows any link, so the store looks at the way first. Throws StoreError `denied` for a
 * link of a stranger; somebody who puts one there afterwards goes unnoticed.
 */
async function requireOwnWay(dataset: StoredDataset, call: CallOptions): Promise<void> {
  await withStrictLinks(dataset.store).statAll(
    [...WORKED_IN, ...WRITTEN_TO].map((name) => dataset.path(name)),
    call,
  )
}

/**
 * Takes back what makeRepository made anew. `isWhole`: it succeeded, else only what has the token
 * goes. Returns what was left, and why: what others put there meanwhile is never removed.
 */
export async function removeRepository(
  dataset: StoredDataset,
  maker: RepositoryMaker,
  wish: RepositoryWish,
  isWhole: boolean,
  call: CallOptions,
): Promise<string | undefined> {
  if (maker === 'files') return removeByFiles(dataset, wish, isWhole, call)
  try {
    return await removeByShell(dataset, wish, isWhole, call)
  } catch (error) {
    if (!isStoreError(error, 'unsupported')) throw error
    return wish.git ? undefined : removeByFiles(dataset, wish, isWhole, call)
  }
}

async function requireKnownLayout(store: Store, path: string, call: CallOptions): Promise<void> {
  const where = `${store.traits.root}/${path}`
  const { version } = parseLayoutVersion((await readText(store, path, call)) ?? '', where)
  if (DATASET_VERSIONS.includes(version)) return
  const message = `the dataset has layout version ${version}, and this program knows ${DATASET_VERSIONS.join(' and ')}`
  throw new StoreError({ kind: 'unsupported', op: 'get', where, message, sent: 'no' })
}
