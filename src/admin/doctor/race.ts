import { isStoreError } from '../../core/errors.ts'
import type { Findings, Outcome } from '../../core/finding.ts'
import { forgetAtomicPuts, RACERS, ROUNDS, race } from '../../ria/layout/atomic-puts.ts'
import type { Scratch } from './scratch.ts'

/**
 * Checks put-if-absent, on which locks and pushes of several people rest: alone, and in a race in
 * which exactly one may win. `who` ignores it if anybody does: `the server ignores If-None-Match`.
 */
export async function checkPutIfAbsent(findings: Findings, scratch: Scratch, ignored: string): Promise<void> {
  if (scratch.store.traits.putIfAbsent !== 'atomic') {
    const why = 'there is no way to store a file only if it is not there: two writers at once may lose a change'
    findings.add('put-if-absent', ['unsafe', why])
    return
  }
  const isKept = await findings.check('put-if-absent', () => putTwice(scratch, ignored))
  if (!isKept) findings.add('put-if-absent, race', ['skipped', 'not even one after the other'])
  const isWon = isKept && (await findings.check('put-if-absent, race', () => raceAll(scratch, ignored)))
  // The server may have kept it when a store was made, and not since the bucket keeps versions.
  if (!isWon) await forgetAtomicPuts(scratch.store)
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
  const fault = await race({
    path: (round) => scratch.path(`race-${round}`),
    put: (path, content) => isStored(scratch, path, content),
    read: async (path) => (await scratch.read(path)).toString(),
  })
  if (fault === undefined) return ['ok', `of ${RACERS} at once exactly one stored the file, ${ROUNDS} times`]
  return ['unsafe', `${ignored} in a race: ${fault}`]
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
