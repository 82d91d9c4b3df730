import { isStoreError } from '../core/errors.ts'
import type { Findings, Outcome } from './doctor-finding.ts'
import type { Scratch } from './doctor-scratch.ts'

/** So many store the same file at the same time, so often. */
const RACERS = 12
const ROUNDS = 3

/**
 * Checks put-if-absent, on which locks and pushes of several people rest: alone, and in a race in which exactly one may win. `who` ignores
 * it if anybody does: `the server ignores If-None-Match`.
 */
export async function checkPutIfAbsent(findings: Findings, scratch: Scratch, ignored: string): Promise<void> {
  if (scratch.store.traits.putIfAbsent !== 'atomic') {
    const why = 'there is no way to store a file only if it is not there: two writers at once may lose a change'
    findings.add('put-if-absent', ['unsafe', why])
    return
  }
  if (await findings.check('put-if-absent', () => putTwice(scratch, ignored))) {
    await findings.check('put-if-absent, race', () => raceAll(scratch, ignored))
  } else {
    findings.add('put-if-absent, race', ['skipped', 'not even one after the other'])
  }
}

async function putTwice(scratch: Scratch, ignored: string): Promise<Outcome> {
  const path = scratch.path('put-if-absent')
  await scratch.put(path, 'first', { ifAbsent: true })
  const replaced = await isStored(scratch, path, 'second')
  const content = (await scratch.read(path)).toString()
  if (replaced)
    return ['unsafe', `${ignored}: a file that was to be stored only if there was none was stored over another`]
  if (content !== 'first') return ['unsafe', `${ignored}, though it says that it does not: the first file is gone`]
  return ['ok', 'a file that is there is not replaced']
}

async function raceAll(scratch: Scratch, ignored: string): Promise<Outcome> {
  for (let round = 1; round <= ROUNDS; round++) {
    const path = scratch.path(`race-${round}`)
    const names = Array.from({ length: RACERS }, (_, i) => `racer ${i}`)
    const won = await Promise.all(names.map((name) => isStored(scratch, path, name)))
    const winners = names.filter((_name, i) => won[i])
    const content = (await scratch.read(path)).toString()
    if (winners.length > 1) {
      const several = `${winners.length} of ${RACERS} who stored the same file at once were told that theirs is there`
      return ['unsafe', `${ignored} in a race: ${several}`]
    }
    if (winners.length === 0)
      return ['warning', `none of ${RACERS} who stored the same file at once was told that theirs is there`]
    if (content !== winners[0]) return ['unsafe', `${ignored} in a race: the file of the one who won was replaced`]
  }
  return ['ok', `of ${RACERS} at once exactly one stored the file, ${ROUNDS} times`]
}

/** False when the store says that there is a file already. */
async function isStored(scratch: Scratch, path: string, content: string): Promise<boolean> {
  try {
    await scratch.put(path, content, { ifAbsent: true })
    return true
  } catch (error) {
    if (isStoreError(error, 'conflict')) return false
    throw error
  }
}
