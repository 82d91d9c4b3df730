import type { Stats } from 'node:fs'
import type { Stat } from '../store.ts'

export function toStat(stats: Stats): Stat {
  return { size: stats.size, mtimeMs: stats.mtimeMs, identity: `${stats.size}-${stats.mtimeMs}-${stats.ino}` }
}
