import type { Problem } from '../check/problem.ts'

/** What became of a problem. */
export type Outcome =
  /** It is as it should be. */
  | 'mended'
  /** What was damaged, or in the way, is kept in `quarantine/`, and no good copy was found. */
  | 'quarantined'
  /** Nothing was changed. */
  | 'left'

export interface Repaired {
  readonly problem: Problem
  readonly outcome: Outcome
  /** What was done, or what has to be: one line. */
  readonly how: string
}

/** What was done about a problem. */
export type Mended = Omit<Repaired, 'problem'>

/** Takes what was done as it is done. */
export type TellRepaired = (repaired: Repaired) => void
