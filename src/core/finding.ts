import { messageOf, StoreError } from './errors.ts'

/**
 * `unsafe`: something could be lost. `failed`: it could not be tried, so nobody knows. `warning`:
 * it works, and somebody should know. `skipped`: not to be had here, or not tried after what was
 * found before.
 */
export type Verdict = 'ok' | 'warning' | 'unsafe' | 'failed' | 'skipped'

/** What one check found. `why` is one line without secrets. */
export interface Finding {
  readonly check: string
  readonly result: Verdict
  readonly why: string
  /** The command that mends it. */
  readonly mend?: string | undefined
  /** The git remote that it is about, where a clone may have several. */
  readonly remote?: string | undefined
}

/** A verdict, its reason, and the command that mends it. */
export type Outcome = readonly [result: Verdict, why: string, mend?: string | undefined]

/** Takes findings as they are made. */
export class Findings {
  readonly #report: (finding: Finding) => void
  readonly #signal: AbortSignal | undefined
  readonly all: Finding[] = []

  constructor(report: (finding: Finding) => void, signal?: AbortSignal | undefined) {
    this.#report = report
    this.#signal = signal
  }

  add(check: string, [result, why, mend]: Outcome): void {
    const finding = { check, result, why, mend }
    this.all.push(finding)
    this.#report(finding)
  }

  /**
   * Does a check. What it throws is its finding, by `verdictOf` unless `onError` knows better; only
   * being told to stop goes further. True when it was `ok`.
   */
  async check(
    name: string,
    work: () => Promise<Outcome>,
    onError: (error: StoreError) => Verdict = verdictOf,
  ): Promise<boolean> {
    let outcome: Outcome
    try {
      outcome = await work()
    } catch (error) {
      if (this.#signal?.aborted || !(error instanceof StoreError)) throw error
      outcome = [onError(error), messageOf(error)]
    }
    this.add(name, outcome)
    return outcome[0] === 'ok'
  }
}

/** Nothing works that way, or something is at stake. */
export function isBad({ result }: Finding): boolean {
  return result === 'unsafe' || result === 'failed'
}

/** A store that gives no answer has not been found to do anything wrong. */
export function verdictOf({ kind }: StoreError): Verdict {
  return kind === 'unreachable' || kind === 'transient' ? 'failed' : 'unsafe'
}
