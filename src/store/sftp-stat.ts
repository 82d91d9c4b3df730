import type { Stats } from 'ssh2'
import { isNoSuchFile } from './sftp-errors.ts'
import type { SftpSession } from './sftp-session.ts'
import type { Stat } from './store.ts'

export function toStat(stats: Stats): Stat {
  // Seconds are all that version 3 of the protocol has.
  return { size: stats.size, mtimeMs: stats.mtime * 1000, identity: `${stats.size}-${stats.mtime}` }
}

/** Looks a file up by its absolute path; undefined when the server says that there is none. */
export async function look(session: SftpSession, file: string): Promise<Stat | undefined> {
  try {
    const stats = await session.stat(file)
    return stats.isDirectory() ? undefined : toStat(stats)
  } catch (error) {
    if (isNoSuchFile(error)) return undefined
    throw error
  }
}
