/**
 * Counts files and the directories that hold them, in a walk that gives a directory's files one
 * after another.
 */
export class InodeCount {
  count = 0
  readonly #above = new Set<string>()
  #last = ''

  /**
   * `path` is relative to the directory in which is counted; that one is not counted itself.
   * `isAlone`: it is the only file of its directory, which need not be remembered.
   */
  add(path: string, isAlone = true): void {
    this.count += 1
    const parent = parentOf(path)
    if (parent === this.#last) return
    this.#last = parent
    // A key's directory comes once, so only what is above it is remembered.
    if (parent !== '' && !this.#above.has(parent)) this.count += 1
    for (let at = parent.lastIndexOf('/'); at > 0; at = parent.lastIndexOf('/', at - 1)) {
      const directory = parent.slice(0, at)
      if (this.#above.has(directory)) break
      this.#above.add(directory)
      this.count += 1
    }
    if (!isAlone) this.#above.add(parent)
  }

  /** How many there would be with these files too, each of which is alone in its directory. */
  with(paths: Iterable<string>): number {
    const more = new Set<string>()
    let { count } = this
    for (const path of paths) {
      count += 1
      for (let at = parentOf(path); at !== '' && !this.#above.has(at) && !more.has(at); at = parentOf(at)) {
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
