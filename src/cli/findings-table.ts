import { type Finding, isBad } from '../core/finding.ts'
import type { Console } from './console.ts'
import { EXIT } from './exit-codes.ts'

/** Where these fail, the store could not be looked at, or there is none. */
const NO_STORE = ['reachable', 'layout']

const RESULT_WIDTH = 8
const LEAST_WIDTH = 20

/** Shows findings as they are made, below a heading. */
export class FindingsTable {
  readonly #console: Console
  readonly #width: number
  #all = 0
  #bad = 0
  #noStore = false

  /** `width`: of the longest name of a check that may come. Columns. */
  constructor(console: Console, width = 0) {
    this.#console = console
    this.#width = Math.max(width, LEAST_WIDTH)
    console.print(this.#line('check', 'result', 'why'))
  }

  add(finding: Finding): void {
    const { check, result, why, mend, remote } = finding
    this.#all += 1
    if (isBad(finding)) this.#bad += 1
    if (NO_STORE.includes(check) && result === 'failed') this.#noStore = true
    const lines = () => {
      const line = this.#line(remote === undefined ? check : `${remote}: ${check}`, result, why)
      return mend === undefined ? line : `${line}\n${this.#line('', '', `mend: ${mend}`)}`
    }
    const tone = isBad(finding) ? 'bad' : result === 'warning' ? 'warning' : undefined
    this.#console.show({ type: 'finding', ...finding }, lines, tone)
  }

  /** Tells programs how many there were; returns the exit code. */
  end(action: string): number {
    this.#console.emit({ type: 'summary', action, findings: this.#all, problems: this.#bad })
    if (this.#noStore) return EXIT.unreachable
    return this.#bad === 0 ? EXIT.done : EXIT.problems
  }

  /** Findings come one after the other, so the columns are as wide as the longest that may come. */
  #line(check: string, result: string, why: string): string {
    return `${check.padEnd(this.#width)} ${result.padEnd(RESULT_WIDTH)} ${why}`
  }
}
