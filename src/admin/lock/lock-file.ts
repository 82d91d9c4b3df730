import { createHash } from 'node:crypto'
import { StoreError } from '../../core/errors.ts'
import type { ProcessOwner } from '../../core/process/owner.ts'
import { collect } from '../../core/source.ts'
import { archivesDirectory, lockPath, SUCCESSOR } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Stat } from '../../store/store.ts'
import { aliveFile } from './holder.ts'

/** What a lock file says. */
export interface LockContent extends ProcessOwner {
  readonly program: 'riastore'
  /** ISO 8601. */
  readonly started: string
  /** 32 hex digits, random. */
  readonly token: string
  /**
   * Tokens of those whom the owner took the lock from, or who had been taken it from by one of
   * them. Oldest last.
   */
  readonly after?: readonly string[] | undefined
}

/** A lock as it was found. */
export interface FoundLock {
  /** Undefined when the file is none of ours. */
  readonly content: LockContent | undefined
  readonly stat: Stat
}

const LOCK_BYTES = 64 * 1024

export function formatLock(content: LockContent): string {
  return `${JSON.stringify(content, null, 2)}\n`
}

/** Undefined when there is none. */
export async function readLock(
  dataset: StoredDataset,
  { signal }: CallOptions,
  path = lockPath(dataset.directory),
): Promise<FoundLock | undefined> {
  let found: FoundLock | undefined
  try {
    await dataset.store.get(
      path,
      async (bytes, stat) => {
        found = { content: parseLock((await collect(bytes, LOCK_BYTES)).toString()), stat }
      },
      signal && { signal },
    )
  } catch (error) {
    if (error instanceof StoreError && error.kind === 'missing') return undefined
    if (!(error instanceof RangeError)) throw error
    const stat = await dataset.store.stat(path, signal && { signal })
    return stat && { content: undefined, stat }
  }
  return found
}

function parseLock(text: string): LockContent | undefined {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return undefined
    const content = value as Partial<LockContent>
    const isOurs =
      typeof content.host === 'string' && Number.isSafeInteger(content.pid) && typeof content.token === 'string'
    return isOurs ? (content as LockContent) : undefined
  } catch {
    return undefined
  }
}

/** Whose changes may still come when this lock is taken away: tokens, the newest first. */
export function tokensIn({ content }: FoundLock): readonly string[] {
  if (content === undefined) return []
  const after: unknown = content.after
  return [content.token, ...(Array.isArray(after) ? after : [])].filter((token) => /^[0-9a-f]{32}$/.test(`${token}`))
}

/**
 * What tells a lock from every other: its token, of one that is not ours its identity. In a form
 * that a file name takes.
 */
export function tokenOf({ content, stat }: FoundLock): string {
  return createHash('sha256')
    .update(content?.token ?? stat.identity)
    .digest('hex')
    .slice(0, 32)
}

export function successorPath(directory: string, found: FoundLock): string {
  return `${archivesDirectory(directory)}/${SUCCESSOR}${tokenOf(found)}`
}

/**
 * When the owner of a lock was last seen to live, by the store's clock, in ms since 1970; undefined
 * where the store does not tell.
 */
export async function lastSign(dataset: StoredDataset, found: FoundLock, call: CallOptions = {}) {
  const [token] = tokensIn(found)
  const alive = token === undefined ? undefined : await dataset.store.stat(aliveFile(dataset.directory, token), call)
  return alive?.mtimeMs ?? found.stat.mtimeMs
}

/** The error for a lock that somebody else holds. */
export async function heldBy(dataset: StoredDataset, found: FoundLock, call: CallOptions): Promise<StoreError> {
  const { content } = found
  const seen = await lastSign(dataset, found, call).catch(() => found.stat.mtimeMs)
  const sign = seen === undefined ? '' : `, last sign of life ${new Date(seen).toISOString()}`
  const message =
    content === undefined
      ? `the lock is none that this program wrote${sign}; --break-lock removes it`
      : `the archive is being worked on by ${describe(content)} since ${content.started}${sign}; if that is not so, --break-lock removes the lock`
  return dataset.error('conflict', 'lock', message, { path: lockPath(dataset.directory), sent: 'no' })
}

/** The error for a lock that was ours. */
export function takenFromUs(dataset: StoredDataset, found: FoundLock | undefined): StoreError {
  const message = `the lock was taken from us${found?.content ? ` by ${describe(found.content)}` : ''}`
  return dataset.error('conflict', 'lock', message, { path: lockPath(dataset.directory) })
}

function describe({ user, host, pid }: ProcessOwner): string {
  return `${user === undefined ? '' : `${user}@`}${host} (process ${pid})`
}
