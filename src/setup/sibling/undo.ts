import { messageOf } from '../../core/errors.ts'

/** What was done so far, and how to take it back. */
export class Undo {
  readonly #steps: { readonly what: string; readonly undo: () => Promise<unknown> }[] = []

  get isEmpty(): boolean {
    return this.#steps.length === 0
  }

  /** A string that `undo` resolves with is what it had to leave, for the user. */
  add(what: string, undo: () => Promise<unknown>): void {
    this.#steps.push({ what, undo })
  }

  /**
   * Takes everything back, the last first. Never throws: gives what could not be taken back, one
   * line each.
   */
  async run(): Promise<readonly string[]> {
    const left: string[] = []
    for (const { what, undo } of this.#steps.splice(0).reverse()) {
      try {
        const remark = await undo()
        if (typeof remark === 'string') left.push(remark)
      } catch (error) {
        left.push(`${what} could not be undone: ${messageOf(error)}`)
      }
    }
    return left
  }
}
