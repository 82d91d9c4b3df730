import { KeyTable } from '../../core/tables/key-table.ts'

/** A walk that gives a directory's files one after another. */
export class Walk {
  /** The directory of the file that came last. */
  last = ''
}

/** Counts files and the directories that hold them, in one walk or several at once. */
export class InodeCount {
  count = 0
  readonly #above = new KeyTable()
  readonly #walk = new Walk()

  /**
   * `path` is relative to the directory in which is counted; that one is not counted itself.
   * `isAlone`: it is the only file of its directory, which need not be remembered.
   */
  add(path: string, isAlone = true, walk = this.#walk): void {
    this.count += 1
    const parent = parentOf(path)
    if (parent === walk.last) return
    walk.last = parent
    // A key's directory comes once, so only what is above it is remembered.
    if (parent !== '' && !this.#above.has(parent)) this.count += 1
    for (let at = parentOf(parent); at !== '' && !this.#above.has(at); at = parentOf(at)) {
      this.#above.add(at)
      this.count += 1
    }
    if (!isAlone) this.#above.add(parent)
  }

  /** How many there would be with these files too, each of which is alone in its directory. */
  with(paths: Iterable<string>): number {
    const more = new KeyTable()
    let { count } = this
    for (const path of paths) {
      count += 1
      const parent = parentOf(path)
      if (parent !== '' && !this.#above.has(parent)) count += 1
      for (let at = parentOf(parent); at !== '' && !this.#above.has(at) && !more.has(at); at = parentOf(at)) {
        more.add(at)
        count += 1
      }
    }
    return count
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}
