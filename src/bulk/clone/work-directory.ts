import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { keyFileName, parseKey } from '../../core/key.ts'
import { decode, encode } from '../../core/text.ts'
import { OWNER, ownerText } from '../../core/work-directory.ts'
import { keyOfFileName } from '../../ria/layout/places.ts'
import { SMALL_BYTES } from './content.ts'
import { localError } from './local-error.ts'
import { type Found, INDEX_LOCK, KEYS, PLACED, RESTAGE, takeOverAll } from './take-over.ts'

/**
 * Ours alone. git-annex clears its own directories for such files, tmp and othertmp, whenever one
 * of its processes ends.
 */
const PARENT = 'riastore'

/**
 * A directory below `.git/annex/riastore`, so on the file system of the objects: a rename places
 * what is whole. In it lie keys that came, or are coming, by the names that their objects have; a
 * list of the keys that were placed; and files of the moment.
 *
 * What dead processes of ours on this machine left is taken over, where nobody else could have put
 * it there: no content has to come twice, and what was placed is recorded at last.
 */
export class WorkDirectory {
  readonly path: string
  /** Keys that somebody who is dead placed and may not have recorded. */
  readonly placedBefore: readonly string[]
  /** Which files of keys the dead left, by their names. They may be cut off. */
  readonly #leftovers: Set<string>
  /** Files with what was about to be restaged by somebody who is dead: `restageNote`. */
  readonly restageBefore: readonly string[]
  #files = 0
  #isKept = false

  private constructor(path: string, { leftovers, placed, restage }: Found) {
    this.path = path
    this.#leftovers = leftovers
    this.placedBefore = placed
    this.restageBefore = restage
  }

  /** Makes one. Throws StoreError. */
  static open(annexDirectory: string): WorkDirectory {
    const parent = join(annexDirectory, PARENT)
    try {
      // Whoever else may use the repository may do so here.
      if (fs.mkdirSync(parent, { recursive: true }) !== undefined)
        fs.chmodSync(parent, fs.statSync(annexDirectory).mode & 0o7777)
      const name = `${hostname()}-${process.pid}-${randomBytes(6).toString('hex')}`
      const path = join(parent, name)
      fs.mkdirSync(join(path, KEYS), { recursive: true, mode: 0o700 })
      fs.writeFileSync(join(path, OWNER), ownerText(name), { flag: 'wx' })
      return new WorkDirectory(path, takeOverAll(parent, path))
    } catch (error) {
      throw localError(error, parent)
    }
  }

  /** Whether there is anything in it that the dead left. */
  get tookOver(): boolean {
    return this.#leftovers.size > 0 || this.leftUndone
  }

  /** Whether the dead left what only a get brings to its end. */
  get leftUndone(): boolean {
    return this.placedBefore.length > 0 || this.restageBefore.length > 0
  }

  /** What the lock of git's index is another name of while we have it. */
  get indexLock(): string {
    return join(this.path, INDEX_LOCK)
  }

  /** Where it is written down what is about to be restaged. */
  get restageNote(): string {
    return join(this.path, RESTAGE)
  }

  /** Has the next run take it over, also when all is recorded. */
  keep(): void {
    this.#isKept = true
  }

  /** A name that no file has. */
  newFile(): string {
    this.#files += 1
    return `${this.path}/file-${this.#files}`
  }

  /** Where a key is while it comes and until it is placed. */
  keyFile(key: string): string {
    return `${this.path}/${KEYS}/${keyFileName(key)}`
  }

  /** Whether `keyFile` is what a dead process left of a key, which nobody has asked for yet. */
  takeLeftover(key: string): boolean {
    return this.#leftovers.delete(keyFileName(key))
  }

  /**
   * Notes keys that are about to be placed, so that they are recorded also when this process is
   * killed before. Throws StoreError.
   */
  notePlaced(keys: Iterable<string>): void {
    const file = join(this.path, PLACED)
    try {
      fs.appendFileSync(file, encode([...keys].map((key) => `${key}\n`).join('')))
    } catch (error) {
      throw localError(error, file)
    }
  }

  /** Shows each key that came in part, or was left in part by somebody who is dead. */
  leaveParts(visit: (key: string, file: string) => void): void {
    for (const name of fs.readdirSync(join(this.path, KEYS), { encoding: 'buffer' }).map(decode)) {
      const key = keyOfFileName(name)
      if (key !== undefined && (parseKey(key).size ?? 0) > SMALL_BYTES) visit(key, `${this.path}/${KEYS}/${name}`)
    }
  }

  /**
   * Removes it with all that is in it, unless keys were placed that are not recorded, or it is
   * kept: then the next run takes it over. Never throws.
   */
  close(allRecorded: boolean): void {
    if (!allRecorded || this.#isKept) return
    try {
      fs.rmSync(this.path, { recursive: true, force: true })
      fs.rmdirSync(dirname(this.path)) // fails while somebody else is at work
    } catch {}
  }
}
