import { ConfigError } from '../core/errors.ts'
import { inBucket, type StoreLocation } from '../store/location.ts'
import { type OpenSettings, openStore } from '../store/open.ts'
import type { S3Probe } from '../store/s3/probe.ts'
import { factsOf } from '../store/schemes.ts'
import type { Store } from '../store/store.ts'
import { parseStore } from './open-store.ts'
import { requestLog } from './process-terminal.ts'

/**
 * The least that S3 allows, so that little has to be sent to see whether uploads in parts work.
 * Bytes.
 */
const PART_BYTES = 5 * 1024 * 1024

/** A store to be examined, and the bucket that it lies in, if it does. */
export interface OpenedStore {
  readonly store: Store
  readonly probe: S3Probe | undefined
  /** Directories are things apart from files. */
  readonly directories: boolean
}

/**
 * Opens a store, as a whole, for as long as `work` goes on. Throws ConfigError for the name of a
 * dataset.
 */
export async function withOpenStore<T>(
  name: string | undefined,
  work: (opened: OpenedStore) => Promise<T>,
): Promise<T> {
  const { location, dataset, ofClone, settings } = await parseStore(name, { forWriting: true })
  if (dataset !== undefined && !ofClone) {
    throw new ConfigError(`this is about the whole store: leave #${dataset} away`)
  }
  const store = await openStore(location, {
    ...settings,
    s3: { ...settings.s3, partBytes: PART_BYTES },
    log: requestLog(),
  })
  let probe: S3Probe | undefined
  try {
    probe = await openProbe(location, settings)
    return await work({ store, probe, directories: factsOf(location).directories })
  } finally {
    await probe?.close()
    await store.close()
  }
}

async function openProbe(location: StoreLocation, settings: OpenSettings): Promise<S3Probe | undefined> {
  const s3 = inBucket(location)
  if (s3 === undefined) return undefined
  const { openS3Probe } = await import('../store/s3/probe.ts')
  const { endpoint, bucket, prefix } = s3
  return openS3Probe({ ...settings.s3, git: settings.git, endpoint, bucket, prefix })
}
