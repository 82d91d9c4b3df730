import pRetry from 'p-retry'
import { abortedError } from '../../core/abort.ts'
import { StoreError } from '../../core/errors.ts'
import type { CallOptions, Store } from '../store.ts'
import { around, type Call } from './around.ts'
import { type Blame, blameConsumer, blameSource } from './blame.ts'

export interface RetrySettings {
  /** Tries after the first. */
  readonly retries: number
  /** The first pause is one to two times this; each further one is twice as long. */
  readonly minDelayMs: number
  readonly maxDelayMs: number
}

/**
 * So long a backend that could not be reached is taken to be down: no call waits and tries again
 * meanwhile.
 */
const TAKEN_FOR_DOWN_MS = 10_000

/**
 * Tries a call again when the backend could not be reached or asked for it. Never when that could
 * do something twice, when the caller's own consumer or source is what failed, or after a stall
 * (which has cost enough time). A list is tried again only as long as it has given nothing.
 */
export function withRetry(store: Store, settings: RetrySettings, retry: Retry = new Retry(settings)): Store {
  return around(store, {
    letsThrough: true,
    call: ({ op }, options, work) => retry.run(options, () => work(options), !ONCE.has(op)),
    get: (path, consume, options) =>
      retry.run(options, (blame) => store.get(path, blameConsumer(consume, blame), options)),
    put(path, source, options) {
      const put = (blame: Blame) => store.put(path, blameSource(source, blame), options)
      return retry.run(options, put, options?.ifAbsent !== true)
    },
    list: (_directory, options, open) => retryList(() => open(options), options, retry),
  })
}

/** What does something else when it is done twice. */
const ONCE: ReadonlySet<Call['op']> = new Set(['append', 'move', 'exec'])

async function* retryList<T>(
  open: () => AsyncIterable<T>,
  options: CallOptions | undefined,
  retry: Retry,
): AsyncIterable<T> {
  const { entries, first } = await retry.run(options, async () => {
    const entries = open()[Symbol.asyncIterator]()
    return { entries, first: await entries.next() }
  })
  try {
    for (let next = first; !next.done; next = await entries.next()) yield next.value
  } finally {
    await entries.return?.()
  }
}

type Work<T> = (blame: Blame) => Promise<T>

/**
 * How a try ended: `cause` decides whether there is another one, `thrown` is what the caller gets.
 */
type Outcome<T> = { ok: true; value: T } | { ok: false; thrown: unknown; cause: unknown }

/** Tries again: whole calls, and the parts of one where a backend sends several requests for it. */
export class Retry {
  readonly #settings: RetrySettings
  #downUntil = 0
  /**
   * What was tried as often as it may be: a caller that tries a whole call does not begin anew for
   * a part that was given up.
   */
  readonly #givenUp = new WeakSet<StoreError>()

  constructor(settings: RetrySettings) {
    this.#settings = settings
  }

  /**
   * `repeatable` false: there is another try only if the backend certainly did not act on the last
   * one.
   */
  async run<T>(options: CallOptions | undefined, work: Work<T>, repeatable = true): Promise<T> {
    const first = await this.#attempt(work)
    const outcome = this.#failure(first, repeatable)
      ? await this.#again(first, work, repeatable, options?.signal)
      : first
    if (outcome.ok) return outcome.value
    throw outcome.thrown
  }

  async #attempt<T>(work: Work<T>): Promise<Outcome<T>> {
    const blame: Blame = {}
    try {
      const value = await work(blame)
      this.#downUntil = 0
      return { ok: true, value }
    } catch (thrown) {
      const cause = blame.backend ? blame.backend.error : blame.caller ? undefined : thrown
      if (cause instanceof StoreError && cause.kind !== 'unreachable' && cause.kind !== 'aborted') this.#downUntil = 0
      return { ok: false, thrown, cause }
    }
  }

  /** The failure that another try may mend, if it was one. */
  #failure(outcome: Outcome<unknown>, repeatable: boolean): StoreError | undefined {
    if (outcome.ok) return undefined
    const { cause } = outcome
    if (!(cause instanceof StoreError) || cause.stalled || this.#givenUp.has(cause)) return undefined
    if (!repeatable && cause.sent === 'maybe') return undefined
    const worthwhile =
      cause.kind === 'transient' || (cause.kind === 'unreachable' && performance.now() >= this.#downUntil)
    return worthwhile ? cause : undefined
  }

  /** p-retry counts and waits; it sees only the failures that are to be tried again. */
  async #again<T>(
    first: Outcome<T>,
    work: Work<T>,
    repeatable: boolean,
    signal: AbortSignal | undefined,
  ): Promise<Outcome<T>> {
    const { retries, minDelayMs: minTimeout, maxDelayMs: maxTimeout } = this.#settings
    let outcome = first
    let failure: StoreError | undefined
    const attempt = async (number: number) => {
      if (number > 1) outcome = await this.#attempt(work)
      failure = this.#failure(outcome, repeatable)
      if (failure !== undefined) throw failure
    }
    try {
      await pRetry(attempt, { retries, minTimeout, maxTimeout, randomize: true, signal })
    } catch {
      if (failure !== undefined && signal?.aborted) throw abortedError(failure.op, failure.where, signal)
      if (failure !== undefined) this.#givenUp.add(failure)
      if (failure?.kind === 'unreachable') this.#downUntil = performance.now() + TAKEN_FOR_DOWN_MS
    }
    return outcome
  }
}
