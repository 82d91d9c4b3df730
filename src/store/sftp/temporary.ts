import { newFileMode, sharedFileMode } from '../sharing.ts'
import { temporaryName } from '../temporary.ts'
import { type DirectoryOptions, makeParents, PRUNED_TRIES, shareDirectories } from './directories.ts'
import { isNoSuchFile } from './errors.ts'
import type { SftpSession } from './session.ts'
import type { SftpTree } from './tree.ts'

/** A new, empty file of ours on the server, open for writing. */
export interface TemporaryFile {
  readonly path: string
  readonly handle: Buffer
}

/**
 * Temporary files for uploads. Opening one is a round trip of its own, so while one is written the
 * next is opened: an upload costs two round trips (write and flush; rename), not three. As many
 * spare ones exist as uploads ran at the same time, from the third upload on.
 */
export class TemporaryFiles {
  readonly #session: SftpSession
  readonly #tree: SftpTree
  readonly #spare = new Map<string, Promise<TemporaryFile>[]>()
  readonly #existing = new Set<string>()

  constructor(session: SftpSession, tree: SftpTree) {
    this.#session = session
    this.#tree = tree
  }

  /** An open file in `directory`; with `again`, others will probably be asked for there. */
  take(directory: string, options: DirectoryOptions, again: boolean): Promise<TemporaryFile> {
    const place = `${directory} ${newFileMode(options)}`
    const spare = this.#spare.get(place)
    if (!again || spare === undefined) {
      if (again) this.#spare.set(place, []) // one upload may be the only one; a second one is a series
      return this.#open(directory, options)
    }
    const taken = spare.shift() ?? this.#open(directory, options)
    const next = this.#open(directory, options)
    next.catch(() => {
      const at = spare.indexOf(next) // whoever takes a file then opens it and tells the error
      if (at >= 0) spare.splice(at, 1)
    })
    spare.push(next)
    return taken
  }

  /** The file went to its place. */
  renamed(file: TemporaryFile): void {
    this.#existing.delete(file.path)
  }

  /**
   * Closes (if it still is open) and removes one. Failing to is no new error: what went wrong
   * before is to be told.
   */
  async remove(file: TemporaryFile, isOpen: boolean): Promise<void> {
    this.#existing.delete(file.path)
    const requests = [...(isOpen ? [this.#session.closeHandle(file.handle)] : []), this.#session.unlink(file.path)]
    await Promise.allSettled(requests)
  }

  /** Removes all, used or not, when no more uploads will come. */
  async discard(): Promise<void> {
    await Promise.allSettled([...this.#spare.values()].flat())
    this.#spare.clear()
    await Promise.allSettled([...this.#existing].map((path) => this.#session.unlink(path)))
    this.#existing.clear()
  }

  async #open(directory: string, options: DirectoryOptions): Promise<TemporaryFile> {
    const path = `${directory}/${temporaryName()}`
    const handle = await this.#create(directory, path, options)
    this.#existing.add(path)
    if (options.sharing) {
      const { mode } = await this.#session.fstat(handle)
      await this.#session.fchmod(handle, sharedFileMode(mode, options.sharing) & 0o7777)
    }
    return { path, handle }
  }

  async #create(directory: string, path: string, options: DirectoryOptions): Promise<Buffer> {
    for (let tries = 1; ; tries++) {
      const allowed = this.#tree.directory(directory, { op: 'put', strict: true })
      allowed.catch(() => {}) // awaited below
      try {
        const handle = await this.#session.open(path, 'wx', { mode: newFileMode(options) })
        await this.#removeUnless(allowed, { path, handle })
        return handle
      } catch (error) {
        if (!isNoSuchFile(error) || tries === PRUNED_TRIES) throw error
        await allowed
        options.known.clear()
        await shareDirectories(this.#session, await makeParents(this.#session, path, options), options.sharing)
      }
    }
  }

  /**
   * Looking at the way to a file costs no round trip of its own: the file is made meanwhile, and
   * nothing is written to it before.
   */
  async #removeUnless(allowed: Promise<boolean>, file: TemporaryFile): Promise<void> {
    try {
      await allowed
    } catch (error) {
      await this.remove(file, true)
      throw error
    }
  }
}
