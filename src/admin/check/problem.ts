/** What is not as it should be. The codes are stable: scripts look for them. */
export type ProblemCode =
  | 'alias-dangling'
  | 'alias-double'
  | 'alias-unreadable'
  | 'archive-damaged'
  | 'archive-member'
  | 'data-damaged'
  | 'dataset-id'
  | 'foreign-annex'
  | 'git-damaged'
  | 'half-dataset'
  | 'key-misplaced'
  | 'key-size'
  | 'layout'
  | 'leftover'
  | 'lock'
  | 'mode'
  | 'owner'
  | 'pack-damaged'
  | 'ref-dangling'
  | 'unreadable'
  | 'views'

export interface Problem {
  readonly code: ProblemCode
  /** `damage`: content or history is lost or in danger. `warning`: somebody should see to it. */
  readonly weight: 'damage' | 'warning'
  /** What is wrong, in one line. */
  readonly message: string
  /** The place, relative to the store's root. */
  readonly path: string
  /** The dataset's id, where it is about one. */
  readonly dataset?: string | undefined
  readonly key?: string | undefined
  /** Of the archive, where it is about one that is not where a key's would be. */
  readonly member?: string | undefined
  /** A file that has the key: `sub-01/x.dat at main`. */
  readonly file?: string | undefined
  /** When the place was changed last, or was last found good, in ms since 1970. */
  readonly sinceMs?: number | undefined
  /** What mends it: a command, or what to do. */
  readonly mend: string
}

/** Takes problems as they are found. */
export type Report = (problem: Problem) => void
