import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { keyFileName, parseKey } from '../../core/key.ts'
import { isOwnDirectory } from '../../core/own-directory.ts'
import { decode, encode, toFsPath } from '../../core/text.ts'
import { isLeftBehind, OWNER, ownerText } from '../../core/work-directory.ts'
import { keyOfFileName } from '../../ria/layout/places.ts'
import { SMALL_BYTES } from './content.ts'
import { releaseIndexLock } from './index-lock.ts'
import { localError } from './local-error.ts'

/**
 * Ours alone. git-annex clears its own directories for such files, tmp and othertmp, whenever one
 * of its processes ends.
 */
const PARENT = 'riastore'
const KEYS = 'keys'
const PLACED = 'placed'
const TAKEN = 'taken-'
const INDEX_LOCK = 'index-lock'
const RESTAGE = 'restage'

/** What was found in the directories of the dead. */
interface Found {
  readonly leftovers: Map<string, string>
  readonly placed: string[]
  readonly restage: string[]
}

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
  /** Files that the dead left, by the file names of their keys. They may be cut off. */
  readonly #leftovers: Map<string, string>
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
      const found: Found = { leftovers: new Map(), placed: [], restage: [] }
      for (const name of fs.readdirSync(parent)) if (isOfTheDead(parent, name)) takeOver(parent, name, path, found)
      return new WorkDirectory(path, found)
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

  /** Brings what a dead process left of a key to `keyFile`. False: it left nothing. */
  takeLeftover(key: string): boolean {
    const file = this.#leftovers.get(keyFileName(key))
    if (file === undefined) return false
    this.#leftovers.delete(keyFileName(key))
    try {
      fs.chmodSync(toFsPath(file), 0o644)
      fs.renameSync(toFsPath(file), toFsPath(this.keyFile(key)))
      return true
    } catch {
      return false // removed meanwhile: it comes anew
    }
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
    const own = fs.readdirSync(join(this.path, KEYS), { encoding: 'buffer' }).map(decode)
    const files = [...own.map((name) => [name, `${this.path}/${KEYS}/${name}`] as const), ...this.#leftovers]
    for (const [name, file] of files) {
      const key = keyOfFileName(name)
      if (key !== undefined && (parseKey(key).size ?? 0) > SMALL_BYTES) visit(key, file)
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

/** Whoever renames the directory of a dead process first has it. */
function takeOver(parent: string, name: string, path: string, found: Found): void {
  const taken = join(path, TAKEN + name)
  try {
    fs.renameSync(join(parent, name), taken)
    // Where others can write, it may be another one by now.
    if (!isOwnDirectory(fs.lstatSync(taken))) {
      fs.renameSync(taken, join(parent, name))
      return
    }
  } catch {
    return
  }
  collect(taken, found)
}

function collect(directory: string, found: Found): void {
  for (const entry of fs.readdirSync(directory)) {
    const path = join(directory, entry)
    if (entry === PLACED) {
      for (const key of decode(fs.readFileSync(path)).split('\n').slice(0, -1)) found.placed.push(key)
    } else if (entry === KEYS) {
      const files = fs.readdirSync(path, { encoding: 'buffer' })
      for (const file of files) found.leftovers.set(decode(file), `${path}/${decode(file)}`)
    } else if (entry === RESTAGE) found.restage.push(path)
    else if (entry === INDEX_LOCK) releaseIndexLock(path)
    else if (entry.startsWith(TAKEN)) collect(path, found)
  }
}

/** In a repository that others can write to, a name proves nothing. */
function isOfTheDead(parent: string, name: string): boolean {
  return name.startsWith(`${hostname()}-`) && isLeftBehind(parent, name)
}
