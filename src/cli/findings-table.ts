import { type Finding, isBad, type Verdict } from '../core/finding.ts'
import type { Console } from './console.ts'
import { EXIT } from './exit-codes.ts'

/** Where these fail, the store could not be looked at, or there is none. */
const NO_STORE = ['reachable', 'layout']

const WIDTHS = { check: 20, result: 8 }

/** Shows findings as they are made, below a heading. */
export class FindingsTable {
  readonly #console: Console
  #all = 0
  #bad = 0
  #noStore = false

  constructor(console: Console) {
    this.#console = console
    console.print(line({ check: 'check', result: 'result', why: 'why' }))
  }

  add(finding: Finding): void {
    this.#all += 1
    if (isBad(finding)) this.#bad += 1
    if (NO_STORE.includes(finding.check) && finding.result === 'failed') this.#noStore = true
    this.#console.show({ type: 'finding', ...finding }, () => line(finding))
  }

  /** Tells programs how many there were; returns the exit code. */
  end(action: string): number {
    this.#console.emit({ type: 'summary', action, findings: this.#all, problems: this.#bad })
    if (this.#noStore) return EXIT.unreachable
    return this.#bad === 0 ? EXIT.done : EXIT.problems
  }
}

/**
 * A row of the table: findings come one after the other, so its columns are as wide as the longest
 * that there are.
 */
function line({ check, result, why }: { check: string; result: Verdict | 'result'; why: string }): string {
  return `${check.padEnd(WIDTHS.check)} ${result.padEnd(WIDTHS.result)} ${why}`
}
