import type { Stats } from 'ssh2'
import type { Stat } from '../store.ts'

export function toStat(stats: Stats): Stat {
  // Seconds are all that version 3 of the protocol has.
  return { size: stats.size, mtimeMs: stats.mtime * 1000, identity: `${stats.size}-${stats.mtime}` }
}
