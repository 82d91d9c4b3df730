import { Bandwidth } from '../core/bandwidth.ts'
import type { GitConfig } from '../core/git-config.ts'
import type { Log } from '../core/log.ts'
import type { Logins } from './dav/authorization.ts'
import { openLocalStore } from './local/local.ts'
import type { StoreLocation } from './location.ts'
import type { S3Settings } from './s3/client.ts'
import type { SshProvider } from './ssh/connect.ts'
import type { Store } from './store.ts'
import { withBandwidth } from './wrappers/bandwidth.ts'
import { withJobs } from './wrappers/jobs.ts'
import { withLimit } from './wrappers/limit.ts'
import { Retry, withRetry } from './wrappers/retry.ts'
import { formatTrace, withTrace } from './wrappers/trace.ts'
import { withWatchdog } from './wrappers/watchdog.ts'

export interface OpenSettings {
  /** A call in which nothing moves for so long has failed. ms. */
  readonly stallMs: number
  readonly ssh: SshProvider
  /** What the URL of a store in S3 does not say. */
  readonly s3?: Omit<S3Settings, 'endpoint' | 'bucket' | 'prefix'> | undefined
  /** Whose password a store behind WebDAV gets. Default: what git's credential helpers have. */
  readonly dav?: Logins | undefined
  /** git's configuration: its proxies and authorities count for what is asked by HTTP. */
  readonly git?: GitConfig | undefined
  readonly log?: Log | undefined
  /** How fast the content of files may be read and written, all calls together. */
  readonly bytesPerSecond?: number | undefined
  /** How many requests callers make at once, at most; see `withJobs`. Default: the backend's. */
  readonly jobs?: number | undefined
}

/**
 * Tries again after half a second, one and two (roughly): a server that restarts is back by then.
 */
const RETRY = { retries: 3, minDelayMs: 300, maxDelayMs: 5_000 }

/**
 * Opens a store: its backend, in the wrappers that every backend gets. A call passes them from left
 * to right: trace → retry → limit → watchdog → backend. The watchdog is inside the limit, for
 * waiting for a place is no stall; a rate, if one is set, stands between retry and limit. A backend
 * that sends a file in parts has each part tried again in the same way, by the same counts.
 */
export async function openStore(location: StoreLocation, settings: OpenSettings): Promise<Store> {
  const { log, stallMs } = settings
  const retry = new Retry(RETRY)
  const backend = await openBackend(location, settings, retry)
  const { bytesPerSecond, jobs } = settings
  const limited = withLimit(withWatchdog(backend, { stallMs }))
  const slowed = bytesPerSecond === undefined ? limited : withBandwidth(limited, new Bandwidth(bytesPerSecond))
  const again = withRetry(slowed, RETRY, retry)
  const watched = jobs === undefined ? again : withJobs(again, jobs)
  return log === undefined ? watched : withTrace(watched, { log: (event) => log(formatTrace(event)) })
}

/** Backends that bring a large library along are loaded when they are used. */
async function openBackend(
  location: StoreLocation,
  { ssh, s3, dav, git, log }: OpenSettings,
  retry: Retry,
): Promise<Store> {
  switch (location.scheme) {
    case 'file':
      return openLocalStore({ root: location.path })
    case 'ssh':
    case 'sftp': {
      const { openSftpStore } = await import('./sftp/sftp.ts')
      return openSftpStore({
        scheme: location.scheme,
        target: location.target,
        root: location.path,
        provider: ssh,
        log,
      })
    }
    case 'http':
    case 'https': {
      const { openHttpStore } = await import('./http/http.ts')
      return openHttpStore({ url: location.url, git })
    }
    case 'dav':
    case 'davs': {
      const { openDavStore } = await import('./dav/dav.ts')
      return openDavStore({ url: location.url, user: location.user, logins: dav, git })
    }
    case 's3+http':
    case 's3+https': {
      const { openS3Store } = await import('./s3/s3.ts')
      const { endpoint, bucket, prefix } = location
      return openS3Store({ again: (call, work) => retry.run(call, work), git, ...s3, endpoint, bucket, prefix })
    }
  }
}
