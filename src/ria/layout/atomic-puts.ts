import { createHash } from 'node:crypto'
import { isStoreError, StoreError } from '../../core/errors.ts'
import { bufferSource } from '../../core/source.ts'
import { readSmall } from '../../store/read-small.ts'
import { removeFiles } from '../../store/remove-files.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { temporaryName } from '../../store/temporary.ts'
import type { StoredDataset } from './stored-dataset.ts'

/** How the names of what was found out begin. */
const RECORD = 'riastore/puts-'

/** So many store the same file at the same time. */
export const RACERS = 12

/**
 * So often. A server that lets two win in a third of all rounds is missed once in 15,000 times.
 * Those that were met let two win in half of the rounds.
 */
export const ROUNDS = 24

/** So long it is believed that a server does what it did. ms. */
const BELIEVED_MS = 7 * 24 * 3_600_000

const SMALL_BYTES = 64 * 1024

/** How a race is run: in a place of its own, with its own way to store and to read. */
export interface Race {
  path(round: number): string
  /** Stores it if there is none. False when the store says that there is one. */
  put(path: string, content: string): Promise<boolean>
  read(path: string): Promise<string>
}

/**
 * Lets several store one file at once, if it is absent, again and again. Returns what is wrong,
 * undefined when exactly one won each time.
 */
export async function race(racing: Race): Promise<string | undefined> {
  for (let round = 1; round <= ROUNDS; round++) {
    const path = racing.path(round)
    const names = Array.from({ length: RACERS }, (_, i) => `racer ${i}`)
    const won = await Promise.all(names.map((name) => racing.put(path, name)))
    const winners = names.filter((_name, i) => won[i])
    const content = await racing.read(path)
    const several = `${winners.length} of ${RACERS} who stored the same file at once were told that theirs is there`
    if (winners.length !== 1) return several
    if (content !== winners[0]) return 'the file of the one who won was replaced'
  }
  return undefined
}

/**
 * Sees to it that the store keeps what it is asked to keep, where it is a server that is asked
 * (traits.conditionalPuts): locks and pushes of several rest on it. Believes what was found out
 * within a week and lies in the store; else tries, and writes that down. Throws `unsupported`.
 * `directory`: of a dataset, to try in where nothing may be written into the store's root. `op`:
 * what was to be done, for the message.
 */
export async function requireAtomicPuts(dataset: StoredDataset, op: string, call: CallOptions = {}): Promise<void> {
  if (!dataset.store.traits.conditionalPuts || (await isBelieved(dataset.store, call))) return
  const fault = await findFault(dataset, call)
  if (fault === undefined) return recordAtomicPuts(dataset.store, call)
  throw dataset.error('unsupported', op, `nothing was done: ${unsafe(fault)}`, { sent: 'no' })
}

/** What follows from a fault, in words. */
export function unsafe(fault: string): string {
  return `the server does not keep what it was asked to keep (it ignores If-None-Match when several store a file at once: ${fault}), so what one of several writes may be lost`
}

/**
 * What a race finds out now, whatever was found out before. Nobody is there to be asked where that
 * is not `traits.conditionalPuts`.
 */
export async function findFault(dataset: StoredDataset, call: CallOptions): Promise<string | undefined> {
  if (!dataset.store.traits.conditionalPuts) return undefined
  try {
    return await raceIn(dataset.store, `riastore/${temporaryName()}`, call)
  } catch (error) {
    if (!isStoreError(error, 'denied')) throw error
    return raceIn(dataset.store, dataset.path(`riastore/${temporaryName()}`), call)
  }
}

async function raceIn(store: Store, place: string, call: CallOptions): Promise<string | undefined> {
  const path = (round: number) => `${place}/${round}`
  const put = async (file: string, content: string) => {
    try {
      await store.put(file, bufferSource(content), { ...call, ifAbsent: true })
      return true
    } catch (error) {
      if (isStoreError(error, 'conflict')) return false
      throw error
    }
  }
  try {
    return await race({ path, put, read: async (file) => (await readSmall(store, file, SMALL_BYTES, call)).toString() })
  } finally {
    const all = Array.from({ length: ROUNDS }, (_, i) => path(i + 1))
    await removeFiles(store, all).catch(() => {}) // a race tells more than what is left of it
  }
}

/**
 * Writes down that a race went well. Never fails but for being told to stop: what is not written
 * down is tried again.
 */
export async function recordAtomicPuts(store: Store, call: CallOptions): Promise<void> {
  if (!store.traits.conditionalPuts) return
  const text = `${JSON.stringify({ root: store.traits.root, tried: new Date().toISOString(), rounds: ROUNDS, racers: RACERS })}\n`
  await store.put(recordPath(store), bufferSource(text), call).catch((error: unknown) => {
    if (isStoreError(error, 'aborted')) throw error
  })
}

/** Takes back what was written down. Never fails. */
export async function forgetAtomicPuts(store: Store): Promise<void> {
  if (store.traits.conditionalPuts) await store.remove(recordPath(store)).catch(() => {})
}

async function isBelieved(store: Store, call: CallOptions): Promise<boolean> {
  try {
    const { root, tried, rounds } = JSON.parse(
      (await readSmall(store, recordPath(store), SMALL_BYTES, call)).toString(),
    )
    const age = Date.now() - Date.parse(tried)
    return root === store.traits.root && rounds >= ROUNDS && age >= 0 && age < BELIEVED_MS
  } catch (error) {
    if (error instanceof StoreError && !isStoreError(error, 'missing', 'corrupt')) throw error
    return false // nobody has tried, or this is no record
  }
}

/** Whether a file of a store is what a race found out, of whatever address: it makes no store. */
export function isPutsRecord(path: string): boolean {
  return path.startsWith(RECORD)
}

/** A store that is copied to another server takes it along: there it counts for nothing. */
function recordPath(store: Store): string {
  return `${RECORD}${createHash('sha256').update(store.traits.root).digest('hex').slice(0, 16)}`
}
