import type { KeyThaws } from '../../../admin/inventory/key-thaw.ts'
import { isStoreError, messageOf } from '../../../core/errors.ts'
import { REAL_TIME, type Time } from '../../../core/moment.ts'
import type { Console } from '../../console.ts'

/** What is waited for. */
export interface Waiting {
  /** Keys that are not here. */
  readonly keys: readonly string[]
  /** How often is looked; undefined: at first after seconds, later after minutes. ms. */
  readonly everyMs: number | undefined
  /** When waiting ends in any case. ms from now. */
  readonly timeoutMs: number
}

/** The first pause, and the longest. ms. */
const [FIRST_MS, LONGEST_MS] = [10_000, 300_000]

/** So many keys that are not here yet are looked at each time: all were asked for at once. */
const LOOKED_AT = 20

/** A server that is away for longer is not waited for. ms. */
const AWAY_MS = 3_600_000

/**
 * Waits until keys are here, and asks again for those that went cold meanwhile. Resolves with those
 * that are not when the time is over. Throws StoreError.
 */
export async function waitForKeys(
  console: Console,
  thaws: KeyThaws,
  { keys, everyMs, timeoutMs }: Waiting,
  time: Time = REAL_TIME,
): Promise<readonly string[]> {
  const begunMs = time.now().wall
  const { signal } = console
  let pauseMs = everyMs ?? FIRST_MS
  let left = keys
  let goodMs = begunMs
  while (left.length > 0) {
    const restMs = begunMs + timeoutMs - time.now().wall
    if (restMs <= 0) return left
    console.progress.show({
      label: 'waiting for cold storage',
      done: keys.length - left.length,
      total: keys.length,
      unit: 'steps',
    })
    await time.sleep(Math.min(pauseMs, restMs), signal)
    pauseMs = everyMs ?? Math.min(LONGEST_MS, pauseMs * 2)
    try {
      left = await lookAgain(thaws, left, signal)
      goodMs = time.now().wall
    } catch (error) {
      const isAway = isStoreError(error, 'unreachable', 'transient') && time.now().wall - goodMs < AWAY_MS
      if (signal.aborted || !isAway) throw error
      console.detail(`${messageOf(error)}; waiting on`)
    }
  }
  return left
}

/** The keys that are not here. */
async function lookAgain(thaws: KeyThaws, keys: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
  thaws.lookAgain()
  const left: string[] = []
  for (const [i, key] of keys.entries()) {
    if (left.length >= LOOKED_AT) return [...left, ...keys.slice(i)]
    if ((await thaws.look(key, { signal })).state !== 'here') left.push(key)
  }
  return left
}
