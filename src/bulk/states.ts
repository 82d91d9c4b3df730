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

/** A state for each key of a table, a byte each. Keys come one after the other. */
export class States {
  #states = new Uint8Array(1024)
  #size = 0
  #told = 0

  /** Of a key that was not set, too: `wanted`. */
  get(number: number): State {
    return (this.#states[number] ?? STATE.wanted) as State
  }

  set(number: number, state: State): void {
    if (number >= this.#states.length) {
      const grown = new Uint8Array(2 ** Math.ceil(Math.log2(number + 1)))
      grown.set(this.#states)
      this.#states = grown
    }
    this.#states[number] = state
    this.#size = Math.max(this.#size, number + 1)
  }

  /** The numbers of the keys in a state, as they are when each is asked for. */
  *in(state: State): IterableIterator<number> {
    for (let number = 0; number < this.#size; number++) if (this.#states[number] === state) yield number
  }

  /** The numbers of the keys that came since the last call, as far as they are in such a state. */
  news(...states: readonly State[]): number[] {
    const numbers: number[] = []
    for (; this.#told < this.#size; this.#told++) if (states.includes(this.get(this.#told))) numbers.push(this.#told)
    return numbers
  }

  count(state: State): number {
    let count = 0
    for (let number = 0; number < this.#size; number++) if (this.#states[number] === state) count += 1
    return count
  }
}
