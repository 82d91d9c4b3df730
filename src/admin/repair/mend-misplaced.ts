import { hasChecksum } from '../../core/checksum.ts'
import { objectsDirectory, placesOf } from '../../ria/layout/places.ts'
import type { Bench } from './bench.ts'
import { type Examined, examineLoose, keyOfPath } from './examine.ts'
import type { Outcome } from './repaired.ts'

/**
 * Puts a key that lies where no client looks for it where it belongs, when its content shows that
 * it is that key's. What is no key, is damaged, or is there already, is kept in `quarantine/`.
 * Throws StoreError.
 */
export async function mendMisplaced(
  bench: Bench,
  path: string,
  version: string,
): Promise<{ readonly outcome: Outcome; readonly how: string }> {
  const { dataset, call } = bench
  const key = keyOfPath(path)
  if (key === undefined) return setAside(bench, path, 'it is no key')
  if (!hasChecksum(key)) return { outcome: 'left', how: 'nobody can tell whether it is good: the key has no checksum' }
  const misplaced = await examineLoose(dataset, key, path, call)
  if (misplaced === undefined) return { outcome: 'mended', how: 'it is gone' }
  if (misplaced.outcome === 'unknown') return { outcome: 'left', how: misplaced.why }
  if (misplaced.outcome === 'damaged') return setAside(bench, path, 'it is damaged')
  const places = placesOf(key, version).map((place) => `${objectsDirectory(dataset.directory)}/${place}`)
  const there = await dataset.store.statAll(places, call)
  const taken = places.find((_place, i) => there[i] !== undefined)
  if (taken !== undefined) return besideAnother(bench, misplaced, taken)
  return moveTo(bench, misplaced, places[0] ?? '')
}

async function besideAnother(bench: Bench, { path = '', identity, key }: Examined, taken: string) {
  const other = await examineLoose(bench.dataset, key, taken, bench.call)
  if (other?.outcome !== 'good') {
    return {
      outcome: 'left',
      how: 'what lies where it belongs is damaged: repair it first, then run this again',
    } as const
  }
  return setAside(bench, path, 'the key also is where it belongs', identity)
}

async function moveTo(bench: Bench, { path = '', identity, key }: Examined, place: string) {
  const isDone = await bench.setAside({ path, identity }, place, { key })
  if (!isDone) return { outcome: 'left', how: 'somebody has just replaced it' } as const
  return { outcome: 'mended', how: `it is where clients look for it now: ${place}` } as const
}

async function setAside(bench: Bench, path: string, why: string, known?: string) {
  const identity = known ?? (await bench.dataset.store.stat(path, bench.call))?.identity
  if (identity === undefined) return { outcome: 'mended', how: 'it is gone' } as const
  const to = bench.quarantineOf(path)
  const isDone = await bench.setAside({ path, identity }, to)
  if (!isDone) return { outcome: 'left', how: 'somebody has just replaced it' } as const
  return { outcome: 'mended', how: `${why}, so the file is kept as ${to}` } as const
}
