/** What is known of a key while a command runs. */
export const STATE = {
  /** It is to come, or to go. */
  wanted: 0,
  /** Its content lies whole and checked in the work directory. */
  staged: 1,
  /** It is where it shall be, brought by us, and not recorded yet. */
  placed: 2,
  /** It was there already, or somebody else was faster. */
  there: 3,
  /** Nothing of ours has it, or can move it: git-annex itself is asked. */
  left: 4,
  /** It could not be had. */
  failed: 5,
  /** Not asked for after all. */
  skipped: 6,
} as const

export type State = (typeof STATE)[keyof typeof STATE]

/** A state for each key of a table, a byte each. */
export class States {
  readonly #states: Uint8Array

  constructor(keys: number) {
    this.#states = new Uint8Array(keys)
  }

  get(number: number): State {
    return this.#states[number] as State
  }

  set(number: number, state: State): void {
    this.#states[number] = state
  }

  /** The numbers of the keys in a state, as they are when each is asked for. */
  *in(state: State): IterableIterator<number> {
    for (let number = 0; number < this.#states.length; number++) if (this.#states[number] === state) yield number
  }

  count(state: State): number {
    let count = 0
    for (const one of this.#states) if (one === state) count += 1
    return count
  }
}
