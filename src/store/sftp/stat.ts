import type { Stats } from 'ssh2'
import type { Permissions, Stat } from '../store.ts'

export function toStat(stats: Stats): Stat {
  // Seconds are all that version 3 of the protocol has.
  return { size: stats.size, mtimeMs: stats.mtime * 1000, identity: `${stats.size}-${stats.mtime}` }
}

/** Undefined when the server does not tell. */
export function permissionsOf({ uid, gid, mode }: Partial<Stats>): Permissions | undefined {
  return uid === undefined || gid === undefined || !mode ? undefined : { uid, gid, mode: mode & 0o7777 }
}
