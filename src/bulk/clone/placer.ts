import * as fs from 'node:fs'
import { join } from 'node:path'
import { codeOf } from '../../core/errors.ts'
import type { Key } from '../../core/key.ts'
import { toFsPath } from '../../core/text.ts'
import { objectPlaces } from './annex-objects.ts'
import type { Clone } from './clone.ts'
import { ContentHooks } from './content-hooks.ts'
import { localError } from './local-error.ts'
import { type ObjectModes, objectModes } from './object-modes.ts'

/** `there`: git-annex, or another of us, was faster. */
export type Placed = 'placed' | 'there'

/**
 * Puts objects where git-annex looks for them, as it does: in a directory of its own that cannot be
 * written to, made visible by a rename when it is whole. What is there already is left alone. Calls
 * are synchronous: they are short, and many. Throws StoreError `full`, `denied` or `unsupported`.
 */
export class Placer {
  readonly #clone: Clone
  readonly #objects: string
  readonly #modes: ObjectModes
  readonly #hooks: ContentHooks
  /** Hash directories of the first level that were made or met. */
  readonly #known = new Set<string>()

  constructor(clone: Clone) {
    this.#clone = clone
    this.#objects = join(clone.annexDirectory, 'objects')
    this.#modes = objectModes(clone.config)
    this.#hooks = new ContentHooks(clone)
  }

  /** Where the object of a key is; undefined: it is not here. */
  find(key: Key): string | undefined {
    const { directories, fileName } = objectPlaces(this.#clone, key.text)
    return directories
      .map((directory) => `${this.#objects}/${directory}/${fileName}/${fileName}`)
      .find((path) => fs.existsSync(toFsPath(path)))
  }

  /**
   * Places a file of the work directory whose content is known to be the key's; it is gone
   * afterwards.
   */
  async placeFile(key: Key, file: string): Promise<Placed> {
    const { directories, fileName } = objectPlaces(this.#clone, key.text)
    const directory = `${this.#objects}/${directories[0]}/${fileName}`
    const object = `${directory}/${fileName}`
    const from = toFsPath(file)
    try {
      this.#freezeFile(from)
      if (this.#makeDirectory(directory)) {
        fs.renameSync(from, toFsPath(object))
      } else {
        if (this.find(key) !== undefined) {
          fs.unlinkSync(from)
          return 'there'
        }
        await this.#hooks.thaw(directory)
        fs.chmodSync(toFsPath(directory), (fs.statSync(toFsPath(directory)).mode & 0o7777) | 0o200)
        if (!linkInto(from, object)) return 'there'
      }
      if (this.#hooks.areSet) await this.#hooks.freeze(object)
      this.#lock(directory)
      if (this.#hooks.areSet) await this.#hooks.freeze(directory)
      return 'placed'
    } catch (error) {
      fs.rmSync(from, { force: true })
      throw localError(error, object)
    }
  }

  #freezeFile(file: string | Buffer): void {
    const { addToFile } = this.#modes
    const { mode } = fs.statSync(file)
    const frozen = (mode & 0o7555) | addToFile
    if (frozen !== (mode & 0o7777)) fs.chmodSync(file, frozen)
  }

  /** True when the key's directory was made, so that nobody else has put anything into it. */
  #makeDirectory(directory: string): boolean {
    const second = directory.slice(0, directory.lastIndexOf('/'))
    const first = second.slice(0, second.lastIndexOf('/'))
    if (this.#known.has(first)) {
      try {
        if (makeOne(second)) this.#share(second)
        if (!makeOne(directory)) return false
        this.#share(directory)
        return true
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw error // git-annex removes directories that are empty
      }
    }
    const made = fs.mkdirSync(toFsPath(directory), { recursive: true })
    this.#known.add(first)
    if (made === undefined) return false
    for (let at = directory; at.length >= made.length; at = at.slice(0, at.lastIndexOf('/'))) this.#share(at)
    return true
  }

  #share(made: string): void {
    const { addToDirectory } = this.#modes
    if (addToDirectory === 0) return
    fs.chmodSync(toFsPath(made), (fs.statSync(toFsPath(made)).mode & 0o7777) | addToDirectory)
  }

  #lock(directory: string): void {
    if (!this.#modes.locksDirectory) return
    const { mode } = fs.statSync(toFsPath(directory))
    fs.chmodSync(toFsPath(directory), mode & 0o7555)
  }
}

/** False when it is there. */
function makeOne(directory: string): boolean {
  try {
    fs.mkdirSync(toFsPath(directory))
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

/**
 * Gives a file its name unless there is such a file. Returns false then, and the file is removed.
 */
function linkInto(file: string | Buffer, object: string): boolean {
  try {
    fs.linkSync(file, toFsPath(object))
  } catch (error) {
    if (codeOf(error) === 'EEXIST') {
      fs.unlinkSync(file)
      return false
    }
    // A file system without hard links; git-annex looks and renames too.
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(codeOf(error) ?? '')) throw error
    fs.renameSync(file, toFsPath(object))
    return true
  }
  fs.unlinkSync(file)
  return true
}
