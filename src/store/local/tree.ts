import * as fs from 'node:fs'
import { codeOf } from '../../core/errors.ts'
import { DESCRIPTORS, diskFiles, type Files, NAMES_DESCRIPTORS } from '../../core/files.ts'
import { toFsPath } from '../../core/text.ts'
import { type Access, notAFile } from '../common/links.ts'
import { LocalDirectory, type OpenDescriptor, openDirectory, pathOf } from './directory.ts'
import { isAbsent } from './errors.ts'
import { fromRoot, joined, partsOf, REMEMBERED_PARTS, RememberedPlaces, type Start } from './remembered-places.ts'
import { type Found, walk } from './walk.ts'

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = fs.constants

/** So often somebody may exchange what we are about to open. */
const TRIES = 20

/** What a call works with: the file calls that suit the disk, and the way to its files. */
export interface Disk {
  readonly files: Files
  readonly tree: LocalTree
}

/**
 * The way to the files of a store on a disk. A path is taken at once where it leads through no
 * link: what was opened has the path that it should have, as the system tells it, or it is closed
 * again and the way is gone step by step (local-walk.ts).
 */
export class LocalTree {
  readonly #files: Files
  readonly #root: string
  readonly #byNumber: boolean
  readonly #places = new RememberedPlaces()

  /** `root` is absolute, without a slash at its end. `byNumber`: false to do without /proc. */
  constructor(files: Files, root: string, byNumber: boolean = NAMES_DESCRIPTORS) {
    this.#files = files
    this.#root = root
    this.#byNumber = byNumber
  }

  /**
   * Opens a directory; whoever gets it closes it. Undefined when there is none, which is proven.
   */
  async directory(path: string, access: Access): Promise<LocalDirectory | undefined> {
    const opened = this.directoryAtOnce(path, access) ?? (await this.#openExpected(path, access))
    if (opened !== undefined) return opened
    if ((await this.#chain(path, access)) === undefined) return undefined
    return this.#walkInto(path, access)
  }

  /**
   * The same on a disk of this machine, done when it returns. Undefined proves nothing: `directory`
   * tells.
   */
  directoryAtOnce(path: string, access: Access): LocalDirectory | undefined {
    const start = this.#startAtOnce(path, access)
    const fd = this.#openAtOnce(path, start, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    if (start === undefined || fd === undefined) return undefined
    return this.#opened(path, start, joined(start, path), { fd, isReadable: true })
  }

  /**
   * Of a name, following a link as far as that is allowed. Undefined when there is none, which is
   * proven.
   */
  async look(path: string, access: Access): Promise<fs.Stats | undefined> {
    const seen = await this.#chain(path, access)
    if (seen !== 'link') return seen
    const found = await this.#walk(path, access)
    await found?.directory.close()
    return found?.stats
  }

  /** The same on a disk of this machine, done when it returns. `unsure`: `look` tells. */
  lookAtOnce(path: string, access: Access): fs.Stats | undefined | 'unsure' {
    const start = this.#startAtOnce(path, access)
    if (start === undefined || start.isLinked) return 'unsure'
    try {
      for (let at = start.length; ; ) {
        const slash = path.indexOf('/', at + 1)
        const end = slash < 0 ? path.length : slash
        const stats = fs.lstatSync(toFsPath(joined(start, path.slice(0, end))), { throwIfNoEntry: false })
        if (stats?.isSymbolicLink()) return 'unsure'
        if (end === path.length || stats === undefined) return stats
        if (!stats.isDirectory()) return undefined
        at = end
      }
    } catch {
      return 'unsure'
    }
  }

  /**
   * Opens a regular file at once, on a disk of this machine. Undefined proves nothing: `openFile`
   * tells.
   */
  openFileAtOnce(path: string, access: Access): number | undefined {
    return this.#openAtOnce(path, this.#startAtOnce(path, access), O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  }

  /**
   * Opens a regular file (or a directory, which its stats tell). Throws node's errors, ENOENT when
   * it is proven absent; StoreError for what is no file.
   */
  async openFile(path: string, flags: number, access: Access): Promise<{ fd: number; stats: fs.Stats }> {
    const files = this.#files
    const asked = flags | O_NOFOLLOW | O_NONBLOCK
    const expected = joined(await this.#start(path, access), path)
    let fd: number | undefined
    try {
      fd = await files.open(toFsPath(expected), asked)
      if (await this.#isAt(fd, expected)) return await this.#checked(fd, path, access)
    } catch (error) {
      const code = codeOf(error) ?? ''
      if (!LOOK_AGAIN.has(code)) throw error
      const stats = await this.look(path, access)
      if (stats === undefined) throw error
      if (code === 'ENXIO') throw notAFile(stats, access.op, this.#where(path))
    }
    if (fd !== undefined) await files.close(fd)
    return this.#openSlowly(path, asked, access)
  }

  /** The path of a file as messages have it. */
  #where(path: string): string {
    return `${this.#root}/${path}`
  }

  async #openSlowly(path: string, flags: number, access: Access): Promise<{ fd: number; stats: fs.Stats }> {
    for (let tries = 1; ; tries++) {
      const found = await this.#walk(path, access)
      if (found === undefined) throw absent(path)
      try {
        if (found.stats === undefined) throw absent(path)
        if (!found.stats.isFile() && !found.stats.isDirectory()) {
          throw notAFile(found.stats, access.op, this.#where(path))
        }
        const fd = await this.#files.open(found.directory.at(found.name), flags)
        return await this.#checked(fd, path, access)
      } catch (error) {
        if (codeOf(error) !== 'ELOOP' || tries === TRIES) throw error
      } finally {
        await found.directory.close()
      }
    }
  }

  async #checked(fd: number, path: string, access: Access): Promise<{ fd: number; stats: fs.Stats }> {
    try {
      const stats = await this.#files.fstat(fd)
      if (!stats.isFile() && !stats.isDirectory()) throw notAFile(stats, access.op, this.#where(path))
      return { fd, stats }
    } catch (error) {
      await this.#files.close(fd)
      throw error
    }
  }

  /** Undefined when it is not there, or not where it should be. */
  async #openExpected(path: string, access: Access): Promise<LocalDirectory | undefined> {
    const files = this.#files
    const start = await this.#start(path, access)
    const expected = joined(start, path)
    let opened: OpenDescriptor
    try {
      opened = await openDirectory(files, toFsPath(expected))
    } catch (error) {
      if (LOOK_AGAIN.has(codeOf(error) ?? '')) return undefined
      throw error
    }
    if (await this.#isAt(opened.fd, expected)) return this.#opened(path, start, expected, opened)
    await files.close(opened.fd)
    return undefined
  }

  /** A directory that was opened where it should be. */
  #opened(path: string, start: Start, expected: string, { fd, isReadable }: OpenDescriptor): LocalDirectory {
    const plainParts = partsOf(path) - (start.isLinked ? partsOf(path.slice(0, start.length)) : 0)
    return new LocalDirectory(this.#files, fd, expected, { isReadable, byNumber: this.#byNumber, plainParts })
  }

  async #walkInto(path: string, access: Access): Promise<LocalDirectory | undefined> {
    for (let tries = 1; ; tries++) {
      const found = await this.#walk(path, access)
      if (!found?.stats?.isDirectory()) {
        await found?.directory.close()
        return undefined
      }
      if (found.name === '.') return found.directory
      try {
        const { name, directory } = found
        const inside = directory.inside(name, await openDirectory(this.#files, directory.at(name)))
        if (found.linked === undefined) await this.#rememberLinked(path, inside, access)
        return inside
      } catch (error) {
        if (!LOOK_AGAIN.has(codeOf(error) ?? '') || tries === TRIES) throw error
      } finally {
        await found.directory.close()
      }
    }
  }

  async #walk(path: string, access: Access): Promise<Found | undefined> {
    const found = await walk(this.#files, this.#root, path, { ...access, byNumber: this.#byNumber })
    if (found?.linked && partsOf(found.linked.prefix) <= REMEMBERED_PARTS)
      this.#places.remember(found.linked.prefix, { ...found.linked, strict: access.strict, isLinked: true })
    return found
  }

  async #rememberLinked(path: string, directory: LocalDirectory, { strict }: Access): Promise<void> {
    if (partsOf(path) > REMEMBERED_PARTS) return
    const real = this.#byNumber ? await pathOf(this.#files, directory.fd) : directory.path
    this.#places.remember(path, { real, strict, isLinked: true })
  }

  /**
   * Looks at each part of a path in turn, from where it is known to lead. Undefined when one is not
   * there; `link` when there is one, so that more than this is needed.
   */
  async #chain(path: string, access: Access): Promise<fs.Stats | undefined | 'link'> {
    const start = await this.#start(path, access)
    const seen = await this.#chainFrom(start, path)
    if (seen !== undefined || !start.isLinked) return seen
    this.#places.clear() // the link may say something else by now
    return this.#chainFrom(await this.#start(path, access), path)
  }

  async #chainFrom(start: Start, path: string): Promise<fs.Stats | undefined | 'link'> {
    let parts = partsOf(path.slice(0, start.length))
    for (let at = start.length; ; ) {
      const slash = path.indexOf('/', at + 1)
      const end = slash < 0 ? path.length : slash
      const real = joined(start, path.slice(0, end))
      const stats = await this.#files.lstat(toFsPath(real))
      if (stats?.isSymbolicLink()) return 'link'
      if (end === path.length || stats === undefined) return stats
      if (!stats.isDirectory()) return undefined
      parts += 1
      if (parts <= REMEMBERED_PARTS) this.#places.remember(path.slice(0, end), { ...start, real })
      at = end
    }
  }

  /** The longest part of a path of which it is known where it leads. */
  async #start(path: string, access: Access): Promise<Start> {
    return this.#places.startOf(path, access) ?? fromRoot(await this.#realRoot())
  }

  async #realRoot(): Promise<string> {
    let real = this.#root
    try {
      real = await this.#files.realpath(toFsPath(this.#root || '/'))
    } catch (error) {
      if (!isAbsent(error)) throw error
    }
    if (real === '/') real = ''
    this.#places.remember('', { real, strict: true, isLinked: false })
    return real
  }

  #startAtOnce(path: string, access: Access): Start | undefined {
    return this.#byNumber && this.#files === diskFiles ? this.#places.startOf(path, access) : undefined
  }

  /** Undefined unless what was opened is where it should be: then its path has no link. */
  #openAtOnce(path: string, start: Start | undefined, flags: number): number | undefined {
    if (start === undefined) return undefined
    const expected = joined(start, path)
    let fd: number | undefined
    try {
      fd = fs.openSync(toFsPath(expected), flags)
      if (fs.readlinkSync(`${DESCRIPTORS}/${fd}`) === expected) return fd
    } catch {} // whatever it is, it is looked at again
    if (fd !== undefined) fs.closeSync(fd)
    return undefined
  }

  /** Whether what was opened is what its path says, without a link on the way. */
  async #isAt(fd: number, expected: string): Promise<boolean> {
    if (this.#byNumber) {
      const path = await pathOf(this.#files, fd)
      return path === expected || path === `${expected} (deleted)`
    }
    try {
      if ((await this.#files.realpath(toFsPath(expected))) !== expected) return false
      const [named, opened] = [await this.#files.lstat(toFsPath(expected)), await this.#files.fstat(fd)]
      return named?.ino === opened.ino && named.dev === opened.dev
    } catch (error) {
      if (isAbsent(error)) return false
      throw error
    }
  }
}

/** What opening fails with where there is a link, or nothing, or a FIFO that nobody reads. */
const LOOK_AGAIN = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO'])

function absent(path: string): Error {
  return Object.assign(new Error(`no such file: ${path}`), { code: 'ENOENT' })
}
