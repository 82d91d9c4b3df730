import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type Clone, openClone } from '../../../bulk/clone/clone.ts'
import { requireCloneOf } from '../../../bulk/clone/clone-of.ts'
import { Placer } from '../../../bulk/clone/placer.ts'
import { CloneGit } from '../../../bulk/commit/clone-git.ts'
import { makeClone } from '../../../bulk/commit/make-clone.ts'
import { ConfigError, codeOf } from '../../../core/errors.ts'
import { parseKey } from '../../../core/key.ts'
import { OpenWriters } from '../../../core/process/open-writers.ts'
import type { KeyFiles } from '../../../mount/key-files.ts'
import { type Answers, ownerOfOurs } from '../../../mount/mounting.ts'
import { StageFolder } from '../../../mount/stage/stage-folder.ts'
import { WorkTree } from '../../../mount/stage/work-tree.ts'
import { endpointOf } from '../../../ria/settings/s3-credentials.ts'
import { webdavServerOf } from '../../../ria/settings/webdav.ts'
import { placeSibling } from '../../../setup/sibling/place.ts'
import { parseStore, readGitConfig, urlsOfName } from '../../open-store.ts'

export interface StageWish {
  /** The store, as the user named it. */
  readonly store: string
  readonly datasetId: string
  /** A branch. */
  readonly ref: string | undefined
  /** That is mounted, of the dataset in the store. */
  readonly commit: string
  /** Of the clone. */
  readonly directory: string
}

/**
 * Makes the clone that changes go to, or finds that it is there. Throws ConfigError and StoreError.
 */
export async function prepareStage(wish: StageWish, signal: AbortSignal): Promise<void> {
  const { store, datasetId, ref, commit, directory } = wish
  if (await isMissing(directory)) {
    const url = await urlOf(store)
    const { gitUrl, location } = placeSibling(datasetId, { url }, await readGitConfig())
    const endpoints = [
      ['riastore-s3-endpoint', endpointOf({ location })],
      ['riastore-webdav-endpoint', webdavServerOf(location)],
    ] as const
    const known = endpoints.flatMap(([setting, value]) => (value === undefined ? [] : [[setting, value] as const]))
    await makeClone({ directory, gitUrl, url, datasetId, branch: ref, endpoints: known }, signal)
    return
  }
  const clone = await openClone(directory)
  if (clone.isBare) throw new ConfigError(`${directory} has no work tree`)
  await requireCloneOf(clone, datasetId, commit)
  const branch = await new CloneGit(directory, signal).line('rev-parse', '--abbrev-ref', 'HEAD')
  if (ref !== undefined && branch !== ref) throw new ConfigError(`${directory} is on branch ${branch}, not ${ref}`)
}

/** The work tree of a clone, as a folder in which content comes from the clone or the store. */
export async function openStage(directory: string, keys: KeyFiles): Promise<Answers> {
  const clone = await openClone(directory)
  const objects = new Placer(clone)
  const tree = new WorkTree({
    directory: clone.directory,
    temporary: join(clone.gitDirectory, 'riastore-stage'),
    find: (key) => objects.find(parseKey(key)),
    keys,
  })
  return new StageFolder(tree, ownerOfOurs(), new OpenWriters(clone.gitDirectory))
}

/** Where a clone is, and at which commit. */
export async function stagedCommit(clone: Clone, signal: AbortSignal): Promise<string> {
  return new CloneGit(clone.directory, signal).line('rev-parse', 'HEAD')
}

async function isMissing(directory: string): Promise<boolean> {
  try {
    return (await readdir(directory)).length === 0
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return true
    throw new ConfigError(`${directory} is no directory for a clone: ${codeOf(error)}`)
  }
}

/** `ria+…` of what a user named a store by. */
async function urlOf(store: string): Promise<string> {
  const [url = ''] = store.split('#')
  if (url.startsWith('ria+')) return url
  await parseStore(store) // what is neither a name nor a directory is told of
  return (await urlsOfName(store))?.url ?? `ria+file://${resolve(store)}`
}
