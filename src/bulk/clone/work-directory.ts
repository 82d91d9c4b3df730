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
import { localError } from './local-error.ts'

/**
 * Ours alone. git-annex clears its own directories for such files, tmp and othertmp, whenever one
 * of its processes ends.
 */
const PARENT = 'riastore'
const KEYS = 'keys'
const PLACED = 'placed'
const TAKEN = 'taken-'

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
  #files = 0

  private constructor(path: string, leftovers: Map<string, string>, placedBefore: readonly string[]) {
    this.path = path
    this.#leftovers = leftovers
    this.placedBefore = placedBefore
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
      const leftovers = new Map<string, string>()
      const placed: string[] = []
      for (const name of fs.readdirSync(parent))
        if (isOfTheDead(parent, name)) takeOver(parent, name, path, leftovers, placed)
      return new WorkDirectory(path, leftovers, placed)
    } catch (error) {
      throw localError(error, parent)
    }
  }

  /** Whether there is anything in it that the dead left. */
  get tookOver(): boolean {
    return this.#leftovers.size > 0 || this.placedBefore.length > 0
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
   * Removes it with all that is in it, unless keys were placed that are not recorded: then the next
   * run takes it over. Never throws.
   */
  close(allRecorded: boolean): void {
    if (!allRecorded) return
    try {
      fs.rmSync(this.path, { recursive: true, force: true })
      fs.rmdirSync(dirname(this.path)) // fails while somebody else is at work
    } catch {}
  }
}

/** Whoever renames the directory of a dead process first has it. */
function takeOver(parent: string, name: string, path: string, leftovers: Map<string, string>, placed: string[]): void {
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
  collect(taken, leftovers, placed)
}

function collect(directory: string, leftovers: Map<string, string>, placed: string[]): void {
  for (const entry of fs.readdirSync(directory)) {
    if (entry === PLACED)
      placed.push(
        ...decode(fs.readFileSync(join(directory, entry)))
          .split('\n')
          .slice(0, -1),
      )
    else if (entry === KEYS) {
      const files = fs.readdirSync(join(directory, entry), { encoding: 'buffer' })
      for (const file of files) leftovers.set(decode(file), `${directory}/${KEYS}/${decode(file)}`)
    } else if (entry.startsWith(TAKEN)) collect(join(directory, entry), leftovers, placed)
  }
}

/** In a repository that others can write to, a name proves nothing. */
function isOfTheDead(parent: string, name: string): boolean {
  return name.startsWith(`${hostname()}-`) && isLeftBehind(parent, name)
}
