import type { Stats } from 'ssh2'
import { type Access, notAFile } from '../common/links.ts'
import { isNoSuchFile } from './errors.ts'
import type { SftpSession } from './session.ts'
import { walkSftp } from './walk.ts'

/** So long a directory counts as looked at. ms. */
const REMEMBERED_MS = 1_000

/** More directories than any command works in at the same time. */
const REMEMBERED_COUNT = 10_000

/** Answers that may serve several questions that are asked at once. */
export type Looked = Map<string, Promise<Stats | undefined>>

/**
 * The way to the files of a store behind SFTP: each directory on it is looked at, in one round
 * trip, for links that are not to be followed (links.ts). The protocol has no way to open a file
 * below what was looked at, so somebody may exchange a directory in between: docs/security.md.
 *
 * Paths are absolute. What is asked in one turn is sent together, and answered in order.
 */
export class SftpTree {
  readonly #session: SftpSession
  readonly #root: string
  /** Directories without a link on the way; when that has to be looked at again. */
  readonly #plain = new Map<string, number>()
  /** Directories to which a link leads, for reading alone or for all that is done. */
  readonly #linked = new Map<string, { readonly strict: boolean; readonly untilMs: number }>()

  /** `root`: the store's, without a slash at its end. */
  constructor(session: SftpSession, root: string) {
    this.#session = session
    this.#root = root
  }

  /**
   * Whether a directory is there. False is proven. Throws StoreError `denied` for a link that is
   * not followed.
   */
  async directory(path: string, access: Access, looked?: Looked): Promise<boolean> {
    const unknown = this.#unknown(path, access)
    const asked = unknown.map((each) => this.#lstat(each, looked))
    for (const [i, directory] of unknown.entries()) {
      const stats = await asked[i]
      if (stats === undefined) return false
      if (stats.isSymbolicLink()) return this.#walkTo(path, access)
      if (!mayBeDirectory(stats)) return false
      this.#remember(() => this.#plain.set(directory, performance.now() + REMEMBERED_MS))
    }
    return true
  }

  /** Of a name, following a link as far as that is allowed; undefined when it is proven absent. */
  async look(path: string, access: Access, looked?: Looked): Promise<Stats | undefined> {
    const above = this.directory(parentOf(path), access, looked)
    const asked = this.#lstat(path)
    const isThere = await above
    const stats = await asked
    if (!isThere && stats === undefined) return undefined
    if (isThere && !stats?.isSymbolicLink()) return stats
    return this.#walk(path, access)
  }

  /**
   * As `look`, for a file that is to be opened: a directory is none. Throws StoreError for what is
   * neither. `where`: its name for messages.
   */
  async file(path: string, access: Access, where: string, looked?: Looked): Promise<Stats | undefined> {
    const stats = await this.look(path, access, looked)
    if (stats === undefined || stats.isDirectory()) return undefined
    if (isSpecial(stats)) throw notAFile(stats, access.op, where)
    return stats
  }

  #walk(path: string, access: Access): Promise<Stats | undefined> {
    return walkSftp(this.#session, this.#root, path.slice(this.#root.length + 1), access)
  }

  async #walkTo(path: string, access: Access): Promise<boolean> {
    const stats = await this.#walk(path, access)
    if (stats === undefined || !mayBeDirectory(stats)) return false
    const untilMs = performance.now() + REMEMBERED_MS
    this.#remember(() => this.#linked.set(path, { strict: access.strict, untilMs }))
    return true
  }

  /** The directories on the way, from the top, that have to be looked at. */
  #unknown(path: string, access: Access): string[] {
    const now = performance.now()
    const unknown: string[] = []
    for (let each = path; each.length > this.#root.length; each = parentOf(each)) {
      if ((this.#plain.get(each) ?? 0) > now) break
      const linked = this.#linked.get(each)
      if (linked !== undefined && linked.untilMs > now && (linked.strict || !access.strict)) break
      unknown.unshift(each)
    }
    return unknown
  }

  #remember(add: () => void): void {
    for (const places of [this.#plain, this.#linked]) if (places.size > REMEMBERED_COUNT) places.clear()
    add()
  }

  #lstat(path: string, looked?: Looked): Promise<Stats | undefined> {
    const known = looked?.get(path)
    if (known !== undefined) return known
    const asked = this.#session.lstat(path).catch((error: unknown) => {
      if (isNoSuchFile(error)) return undefined
      throw error
    })
    asked.catch(() => {}) // awaited in order, unless an earlier one decides
    looked?.set(path, asked)
    return asked
  }
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

/** Some servers do not say what a file is. */
function mayBeDirectory(stats: Stats): boolean {
  return stats.isDirectory() || !(stats.isFile() || isSpecial(stats))
}

function isSpecial(stats: Stats): boolean {
  return stats.isFIFO() || stats.isSocket() || stats.isBlockDevice() || stats.isCharacterDevice()
}
