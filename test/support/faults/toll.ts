import type { Result } from '../programs/run.ts'
import { explain } from '../programs/run.ts'
import type { Weather } from './weather.ts'

/** What a run came to. */
export interface Toll {
  kills: number
  stops: number
  /** Runs that were neither killed nor stopped, in bad weather. */
  others: number
  readonly weather: Record<Weather, number>
  /** What clients did, and how often they were told that it is not possible just now. */
  readonly clients: { stored: number; got: number; dropped: number; looked: number; refused: number; pushed: number }
  /** What must not be, each with where it was and how to see it again. */
  readonly problems: string[]
}

export function newToll(): Toll {
  return {
    kills: 0,
    stops: 0,
    others: 0,
    weather: { clear: 0, cut: 0, freeze: 0, full: 0, 'read-only': 0 },
    clients: { stored: 0, got: 0, dropped: 0, looked: 0, refused: 0, pushed: 0 },
    problems: [],
  }
}

/** Counts, and takes down what must not be. */
export class Verdict {
  readonly toll: Toll
  /** What is being done just now. */
  doing = 'before the first step'
  readonly #where: string

  /** `where`: of the run; how to do it again belongs to it. Several may count into one `toll`. */
  constructor(where: string, toll: Toll) {
    this.#where = where
    this.toll = toll
  }

  get isGuilty(): boolean {
    return this.toll.problems.length > 0
  }

  problem(what: string): void {
    this.toll.problems.push(`${what} (${this.#where}, ${this.doing})`)
  }

  /** `limitMs` begins now. Undefined when it did not end; then it is killed. */
  async waitFor(running: { done: Promise<Result>; killGroup(): void }, limitMs: number): Promise<Result | undefined> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, limitMs, undefined)
    })
    const result = await Promise.race([running.done, late])
    clearTimeout(timer)
    if (result !== undefined) return result
    running.killGroup()
    this.problem(`hang: ${(await running.done).command} did not end within ${limitMs / 1000} s`)
    return undefined
  }

  /** It may have ended so only; and with one plain line for each failure. */
  judge(result: Result | undefined, codes: readonly number[]): void {
    if (result === undefined) return
    if (result.status === undefined || !codes.includes(result.status)) this.problem(`wrong end: ${explain(result)}`)
    else if (/^\s+at /m.test(result.stderr) || (result.status !== 0 && result.stderr.trim() === '')) {
      this.problem(`wrong words: ${explain(result)}`)
    }
  }
}
