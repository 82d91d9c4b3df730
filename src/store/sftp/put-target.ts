import { StoreError } from '../../core/errors.ts'
import type { Source } from '../../core/source.ts'
import type { PutOptions, Stat } from '../store.ts'
import { isUnsupported } from './errors.ts'
import type { SftpSession } from './session.ts'

/**
 * The server flushes every so many bytes: the wait at the end, and with it a stall, stays short.
 */
export const FLUSH_EVERY_BYTES = 64 * 1024 * 1024

export interface SftpPut {
  /** Absolute path of the target, and its name for messages. */
  readonly file: string
  readonly where: string
  /** Absolute directory for the temporary file; undefined: beside the target. */
  readonly temporary: string | undefined
  readonly within: string
  readonly source: Source
  readonly options: PutOptions
}

export function checkLength(stat: Stat, source: Source, where: string): Stat {
  if (stat.size === source.size) return stat
  const message = `the server kept ${stat.size} of ${source.size} bytes`
  throw new StoreError({ kind: 'corrupt', op: 'put', where, message })
}

/**
 * Flushes to the disk where the server can; one that cannot is trusted, as by every SFTP client.
 */
export async function flush(session: SftpSession, handle: Buffer): Promise<void> {
  try {
    await session.fsync(handle)
  } catch (error) {
    if (!isUnsupported(error)) throw error
  }
}
