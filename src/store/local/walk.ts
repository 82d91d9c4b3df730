import type * as fs from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf, StoreError } from '../../core/errors.ts'
import { diskFiles, type Files, NAMES_DESCRIPTORS } from '../../core/files.ts'
import { toFsPath } from '../../core/text.ts'
import { type Access, aliasTarget, MAX_LINKS, requireTrusted, tooManyLinks } from '../common/links.ts'
import { LocalDirectory, openDirectory, pathOf } from './directory.ts'

/** Where a path leads: a directory, and a name in it that is no link. */
export interface Found {
  /** Open: whoever gets it closes it. */
  readonly directory: LocalDirectory
  /** `.` for the directory itself. */
  readonly name: string
  /** Undefined when the directory has no such name. */
  readonly stats: fs.Stats | undefined
  /**
   * The last link on the way, as a part of the path, and what it led to; undefined when there was
   * none.
   */
  readonly linked: { readonly prefix: string; readonly real: string } | undefined
}

export interface WalkOptions extends Access {
  /** Default: as the system can. */
  readonly byNumber?: boolean | undefined
}

/** So often somebody may exchange what we are about to open. */
const TRIES = 20

/**
 * Goes from the store's root to a path, one directory after the other: each is opened below the one
 * before it, and each link is followed by our own rule, so no exchange of names leads us elsewhere.
 * Undefined when a directory on the way is proven absent. Throws StoreError `denied` for a link
 * that is not followed, and node's errors.
 */
export async function walk(files: Files, root: string, path: string, options: WalkOptions): Promise<Found | undefined> {
  return new Walk(files, root, path, options).run()
}

class Walk {
  readonly #files: Files
  readonly #root: string
  readonly #options: WalkOptions
  readonly #byNumber: boolean
  readonly #path: readonly string[]
  /** What is still to be gone: first what links said, then `#left` parts of the path. */
  readonly #parts: string[]
  #left: number
  #current: LocalDirectory | undefined
  #links = 0
  #tries = 0
  #linked: { readonly parts: number; real?: string } | undefined

  constructor(files: Files, root: string, path: string, options: WalkOptions) {
    this.#files = files
    this.#root = root || '/'
    this.#options = options
    this.#byNumber = options.byNumber ?? NAMES_DESCRIPTORS
    this.#path = path === '' ? [] : path.split('/')
    this.#parts = [...this.#path]
    this.#left = this.#path.length
  }

  async run(): Promise<Found | undefined> {
    let found: Found | undefined
    try {
      if (await this.#toRoot()) found = await this.#go()
      return found
    } finally {
      if (found === undefined) await this.#current?.close()
    }
  }

  async #go(): Promise<Found | undefined> {
    for (;;) {
      const directory = this.#here
      await this.#note()
      const [name] = this.#parts
      if (name === undefined) return this.#found(directory, '.', await this.#files.fstat(directory.fd))
      if (name === '' || name === '.') {
        this.#take()
        continue
      }
      const stats = name === '..' ? undefined : await this.#files.lstat(directory.at(name))
      if (stats?.isSymbolicLink()) await this.#follow(directory, name)
      else if (name !== '..' && this.#parts.length === 1) return this.#found(directory, name, stats)
      else if (name !== '..' && !stats?.isDirectory()) return undefined
      else if (!(await this.#enter(name))) return undefined
    }
  }

  /** The first part is done with. */
  #take(): void {
    if (this.#parts.length === this.#left) this.#left -= 1
    this.#parts.shift()
  }

  /** Notes where the last link led, once all that it said is gone. */
  async #note(): Promise<void> {
    const linked = this.#linked
    if (linked === undefined || linked.real !== undefined || this.#parts.length !== this.#left) return
    linked.real = await this.#realPath(this.#here)
  }

  #found(directory: LocalDirectory, name: string, stats: fs.Stats | undefined): Found {
    const { parts = 0, real } = this.#linked ?? {}
    const linked = real === undefined ? undefined : { prefix: this.#path.slice(0, parts).join('/'), real }
    return { directory, name, stats, linked }
  }

  get #here(): LocalDirectory {
    if (this.#current === undefined) throw new Error('the walk has not begun')
    return this.#current
  }

  /** Whoever named the store vouches for the way to it. False when there is nothing. */
  async #toRoot(): Promise<boolean> {
    try {
      await this.#become(this.#root, toFsPath(this.#root), true)
      return true
    } catch (error) {
      const code = codeOf(error)
      if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error
      return false
    }
  }

  async #become(path: string, fsPath: string | Buffer, followed: boolean): Promise<void> {
    const { fd, isReadable } = await openDirectory(this.#files, fsPath, followed)
    const byNumber = this.#byNumber
    const real = followed && !byNumber ? await this.#files.realpath(fsPath) : path
    const before = this.#current
    this.#current = new LocalDirectory(this.#files, fd, real, { isReadable, byNumber })
    await before?.close()
  }

  /** False when it is gone. What is a link or no directory by now is looked at again. */
  async #enter(name: string): Promise<boolean> {
    const directory = this.#here
    const path = name === '..' ? directory.path.replace(/\/[^/]*$/, '') || '/' : directory.where(name)
    try {
      await this.#become(path, directory.at(name), false)
      this.#take()
      return true
    } catch (error) {
      const code = codeOf(error)
      if (code === 'ENOENT') return false
      if ((code !== 'ELOOP' && code !== 'ENOTDIR') || ++this.#tries === TRIES) throw error
      return true
    }
  }

  /** Puts what a link says in the place of its name, unless it is no link any more. */
  async #follow(directory: LocalDirectory, name: string): Promise<void> {
    const where = await this.#whereOf(directory, name)
    if (this.#links === MAX_LINKS) throw tooManyLinks(this.#options, where)
    const target = await this.#readLink(directory, name, where)
    if (target === undefined) {
      if (++this.#tries === TRIES) throw changing(this.#options.op, where)
      return
    }
    this.#links += 1
    this.#take()
    this.#linked = { parts: this.#path.length - this.#left }
    this.#parts.unshift(...target.text.split('/'))
    if (target.isAlias) await this.#toRoot()
    else if (target.text.startsWith('/')) await this.#become('/', '/', true)
  }

  /** Undefined when it is no link any more. */
  async #readLink(
    directory: LocalDirectory,
    name: string,
    where: string,
  ): Promise<{ readonly text: string; readonly isAlias: boolean } | undefined> {
    const files = this.#files
    for (let tries = 1; ; tries++) {
      const began = Date.now()
      const link = await files.lstat(directory.at(name))
      if (!link?.isSymbolicLink()) return undefined
      let text: string
      try {
        text = await files.readlink(directory.at(name))
      } catch (error) {
        if (codeOf(error) === 'ENOENT' || codeOf(error) === 'EINVAL') return undefined
        throw error
      }
      const alias = this.#isAlias() ? aliasTarget(text, await this.#roots()) : undefined
      if (alias !== undefined) return { text: alias, isAlias: true }
      const owner = (await files.fstat(directory.fd)).uid
      requireTrusted({ link: link.uid, directory: owner, us: process.geteuid?.() }, this.#options, where)
      const after = await files.lstat(directory.at(name))
      if (isSame(link, after) && this.#isSettled(link, began)) return { text, isAlias: false }
      if (tries === TRIES) throw changing(this.#options.op, where)
      await sleep(2 * TICK_MS)
    }
  }

  async #roots(): Promise<readonly string[]> {
    return [this.#root, await this.#files.realpath(toFsPath(this.#root))]
  }

  /** The next name is the second part of `alias/<name>`, and no link led here. */
  #isAlias(): boolean {
    return this.#links === 0 && this.#path[0] === 'alias' && this.#left === this.#path.length - 1
  }

  /**
   * A name that had the link of somebody else for a moment, between two looks, has one whose times
   * changed just now. Only a disk of this machine has our clock.
   */
  #isSettled(link: fs.Stats, began: number): boolean {
    return this.#files !== diskFiles || link.ctimeMs < began - TICK_MS
  }

  async #realPath(directory: LocalDirectory): Promise<string> {
    return this.#byNumber ? pathOf(this.#files, directory.fd) : directory.path
  }

  async #whereOf(directory: LocalDirectory, name: string): Promise<string> {
    const path = await this.#realPath(directory)
    return `${path === '/' ? '' : path}/${name}`
  }
}

/** Linux counts the times of files in steps of at most 10 ms. */
const TICK_MS = 10

function isSame(before: fs.Stats, after: fs.Stats | undefined): boolean {
  return after !== undefined && before.dev === after.dev && before.ino === after.ino && before.ctimeMs === after.ctimeMs
}

function changing(op: string, where: string): StoreError {
  return new StoreError({ kind: 'transient', op, where, message: 'it is replaced again and again' })
}
