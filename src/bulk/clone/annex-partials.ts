import * as fs from 'node:fs'
import { join } from 'node:path'
import { diskFiles, filesFor } from '../../core/files.ts'
import { toBoolean } from '../../core/git-config.ts'
import { keyFileName } from '../../core/key.ts'
import { toFsPath } from '../../core/text.ts'
import type { Clone } from './clone.ts'

/**
 * Downloads that git-annex, or we, began and did not end: `.git/annex/tmp/<key>`. Whoever downloads
 * a key has locked a file of its name below `.git/annex/transfer/download` before the partial file
 * is opened.
 */
export class AnnexPartials {
  readonly #clone: Clone
  #usable: Promise<boolean> | undefined

  constructor(clone: Clone) {
    this.#clone = clone
  }

  /**
   * Moves the partial file of a key to `file`, to go on with it. False: there is none, or somebody
   * may be at work on it. Whoever came between our look and our move has the lock by the second
   * look; then the file goes back. Never throws.
   */
  async take(key: string, file: string): Promise<boolean> {
    const partial = this.#partial(key)
    if (!fs.existsSync(toFsPath(partial))) return false
    try {
      this.#usable ??= locksAreSeen(this.#clone)
      if (!(await this.#usable) || this.#isLocked(key)) return false
      fs.renameSync(toFsPath(partial), toFsPath(file))
      if (!this.#isLocked(key)) return true
      fs.linkSync(toFsPath(file), toFsPath(partial))
      fs.unlinkSync(toFsPath(file))
    } catch {}
    return false
  }

  /**
   * Moves a part of a key to where git-annex goes on with it, unless there is one: from then on it
   * is only git-annex's. Never throws: it is only time that is lost.
   */
  leave(key: string, file: string): void {
    try {
      const { annexDirectory } = this.#clone
      const made = fs.mkdirSync(join(annexDirectory, 'tmp'), { recursive: true })
      // Whoever else may use the repository may do so here.
      if (made !== undefined) fs.chmodSync(made, fs.statSync(annexDirectory).mode & 0o7777)
      fs.chmodSync(toFsPath(file), 0o644) // one that was about to be placed is written to no more
      fs.linkSync(toFsPath(file), toFsPath(this.#partial(key)))
      fs.unlinkSync(toFsPath(file))
    } catch {}
  }

  #partial(key: string): string {
    return `${this.#clone.annexDirectory}/tmp/${keyFileName(key)}`
  }

  #isLocked(key: string): boolean {
    const inodes = lockFiles(join(this.#clone.annexDirectory, 'transfer/download'), `lck.${keyFileName(key)}`)
    if (inodes.length === 0) return false
    const locks = fs.readFileSync('/proc/locks', 'latin1')
    return inodes.some((inode) => new RegExp(`:${inode} `).test(locks))
  }
}

/** The inodes of the files of a name in the directories of remotes. */
function lockFiles(directory: string, name: string): number[] {
  if (!fs.existsSync(directory)) return []
  const paths = [directory, ...fs.readdirSync(directory).map((remote) => join(directory, remote))]
  return paths.flatMap((path) => {
    const stats = fs.statSync(toFsPath(`${path}/${name}`), { throwIfNoEntry: false })
    return stats === undefined ? [] : [stats.ino]
  })
}

/** The inode of the first pid namespace, in every Linux (`PROC_PID_INIT_INO`). */
const FIRST_PID_NAMESPACE = 0xeffffffc

/**
 * Linux tells of the locks of this machine's processes, but in a container only of those in there.
 * On a network file system others may have some.
 */
async function locksAreSeen({ annexDirectory, config }: Clone): Promise<boolean> {
  if (toBoolean(config.get('annex.pidlock') ?? 'false') !== false) return false
  const namespace = fs.statSync('/proc/self/ns/pid', { throwIfNoEntry: false })
  if (namespace?.ino !== FIRST_PID_NAMESPACE || !fs.existsSync('/proc/locks')) return false
  return (await filesFor(annexDirectory)) === diskFiles
}
