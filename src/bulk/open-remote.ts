import { join } from 'node:path'
import type { Archive } from '../archive/archive.ts'
import { cacheDirectory } from '../core/cache-directory.ts'
import { isStoreError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { RiaDataset } from '../ria/keys/ria-dataset.ts'
import { archivePath, datasetDirectory } from '../ria/layout/paths.ts'
import { type Layout, readLayout } from '../ria/layout/read-layout.ts'
import { StoredDataset } from '../ria/layout/stored-dataset.ts'
import { s3Settings } from '../ria/settings/s3-credentials.ts'
import type { RemoteConfig, StoreUrl } from '../ria/settings/settings.ts'
import { keptCredentials, keptLogin } from '../ria/settings/siblings.ts'
import { webdavLogins } from '../ria/settings/webdav.ts'
import { openStore } from '../store/open.ts'
import { factsOf } from '../store/schemes.ts'
import type { CallOptions, Store } from '../store/store.ts'
import type { Clone } from './clone/clone.ts'
import type { BulkRemote } from './remotes.ts'

/** A remote whose store is open. */
export interface OpenRemote {
  readonly remote: BulkRemote
  readonly store: Store
  /** Asked key by key for what cannot be had in bulk. */
  readonly dataset: RiaDataset
  /** The dataset's directory in the store. */
  readonly directory: string
  readonly layout: Layout
  close(): Promise<void>
}

export interface OpenRemoteOptions extends CallOptions {
  readonly clone: Clone
  /** Through `push-url`, where there is one. */
  readonly forWriting: boolean
  readonly log?: Log | undefined
}

/**
 * Opens the store of a remote and reads its layout. Throws StoreError when it or the dataset is not
 * there.
 */
export async function openRemote(remote: BulkRemote, options: OpenRemoteOptions): Promise<OpenRemote> {
  const { setup } = remote
  if (!('config' in setup)) throw new Error(`${remote.name} is left to git-annex`)
  const { config, datasetId } = setup
  const { clone, forWriting, log, signal } = options
  const url = (forWriting ? config.pushUrl : undefined) ?? config.url
  const kept = () => keptCredentials({ ...clone, ...remote })
  const store = await openStore(url.location, {
    stallMs: config.stallMs,
    ssh: config.ssh,
    git: clone.config,
    s3: isS3(url) ? await s3Settings({ config, url, name: remote.name, isNew: false, kept }) : undefined,
    dav: await webdavLogins({
      location: url.location,
      git: clone.config,
      isNamed: url.isLocal,
      remote: remote.name,
      kept: () => keptLogin({ ...clone, ...remote }),
    }),
    log,
  })
  const dataset = new RiaDataset(store, datasetSettings(config, datasetId, remote))
  const close = async () => {
    await dataset.close()
    await store.close()
  }
  const directory = datasetDirectory(datasetId)
  try {
    const layout = await readLayout(new StoredDataset(store, directory), { signal })
    return { remote, store, dataset, directory, layout, close }
  } catch (error) {
    await close()
    throw error
  }
}

function datasetSettings({ forceWrite, ignoreFlags }: RemoteConfig, id: string, { uuid }: BulkRemote) {
  return { id, annexUuid: uuid, forceWrite, ignoreFlags, verify: true, cacheDirectory: archiveCache() }
}

function archiveCache(): string {
  return join(cacheDirectory(), 'archives')
}

function isS3(url: StoreUrl): boolean {
  return factsOf(url.location).awsCredentials
}

/**
 * Opens the dataset's archive; undefined when there is none. Throws StoreError, also for one that
 * cannot be read.
 */
export async function openArchive(
  { store, directory }: OpenRemote,
  { signal }: CallOptions,
): Promise<Archive | undefined> {
  const path = archivePath(directory)
  const stat = await store.stat(path, { signal })
  if (stat === undefined) return undefined
  const [{ Archive }, { IndexCache }] = await Promise.all([
    import('../archive/archive.ts'),
    import('../archive/index/index-cache.ts'),
  ])
  const cache = new IndexCache({ directory: archiveCache(), maxBytes: 2 * 1024 ** 3 })
  try {
    return await Archive.open(store, path, { stat, cache, signal })
  } catch (error) {
    if (isStoreError(error, 'missing')) return undefined // removed just now
    throw error
  }
}
