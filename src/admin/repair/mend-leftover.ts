import { archivesDirectory, fileNameOf } from '../../ria/layout/places.ts'
import { isTemporaryName } from '../../store/temporary.ts'
import { DEAD_MS } from '../check/check-keys.ts'
import type { Bench } from './bench.ts'
import type { Outcome } from './repaired.ts'

/**
 * Clears away what a dead upload or run left, and git's locks, once they are a day old by the
 * store's clock, `nowMs`. What bears a name that only our own unfinished uploads have is removed:
 * it never was a copy of a key for anybody. All else is kept in `quarantine/`. Throws StoreError.
 */
export async function mendLeftover(
  bench: Bench,
  path: string,
  nowMs: number,
): Promise<{ readonly outcome: Outcome; readonly how: string }> {
  const { dataset, changes, call } = bench
  const stat = await dataset.store.stat(path, call)
  if (stat === undefined) return { outcome: 'mended', how: 'it is gone since the lock was taken' }
  if (stat.mtimeMs === undefined || nowMs - stat.mtimeMs < DEAD_MS) {
    return { outcome: 'left', how: 'it is not a day old: somebody may be at work' }
  }
  if (isTemporaryName(fileNameOf(path))) {
    const isOurs = path.startsWith(`${archivesDirectory(dataset.directory)}/`)
    await changes.removeOwn([path], 'whichever', isOurs ? 0 : 1)
    return { outcome: 'mended', how: 'it was removed' }
  }
  const to = bench.quarantineOf(path)
  if (!(await bench.takeAway({ path, identity: stat.identity }, to, { isLarge: true }))) {
    return { outcome: 'left', how: 'somebody has just replaced it' }
  }
  return { outcome: 'mended', how: `it is kept as ${to}` }
}
