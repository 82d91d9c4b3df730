import { rmSync, statSync } from 'node:fs'
import type { Places } from './places.ts'

/** So far below the limit it is made, that it need not be done all the time. */
const SPARE = 1 / 8

/** What a process may fill in any case, or it would never have what it reads. */
const LEAST_OWN = 1 / 4

/**
 * Removes what nobody opened for longest until a limit is kept, and what a process that is gone was
 * filling. False when what this process is filling is too much by itself.
 */
export function sweep(places: Places, limit: number): boolean {
  let total = 0
  let own = 0
  const kept: { readonly path: string; readonly bytes: number; readonly mtimeMs: number }[] = []
  for (const path of places.all()) {
    const whose = places.isPart(path)
    if (whose === 'of nobody') rmSync(path, { force: true })
    const stats = statSync(path, { throwIfNoEntry: false })
    if (stats === undefined) continue
    const bytes = stats.blocks * 512
    total += bytes
    if (whose === 'ours') own += bytes
    if (whose === 'no') kept.push({ path, bytes, mtimeMs: stats.mtimeMs })
  }
  if (total <= limit) return true
  kept.sort((a, b) => a.mtimeMs - b.mtimeMs)
  for (const { path, bytes } of kept) {
    if (total <= limit * (1 - SPARE)) break
    rmSync(path, { force: true })
    total -= bytes
  }
  places.removeEmpty()
  return total <= limit || own <= limit * LEAST_OWN
}
