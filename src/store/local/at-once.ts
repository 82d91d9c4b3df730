import * as fs from 'node:fs'
import { codeOf } from '../../core/errors.ts'
import { readWhole } from '../../core/read-whole.ts'
import type { AtOnce, PutAtOnceOptions } from '../at-once.ts'
import type { Stat } from '../store.ts'
import { type MakeOptions, nameOf, parentOf } from './directories.ts'
import type { LocalDirectory } from './directory.ts'
import { localError } from './errors.ts'
import { NOT_EMPTY } from './prune.ts'
import { putAtOnce } from './put-at-once.ts'
import { toStat } from './stat.ts'

const LOOK = { op: 'stat', strict: false }
const READ = { op: 'get', strict: false }
const REMOVE = { op: 'remove', strict: true }

/** What a disk of this machine does at once. It takes the same ways as local.ts, by other calls. */
export class LocalAtOnce implements AtOnce {
  readonly #making: Omit<MakeOptions, 'sharing' | 'within'>

  constructor(making: Omit<MakeOptions, 'sharing' | 'within'>) {
    this.#making = making
  }

  statAll(paths: readonly string[]): readonly (Stat | undefined)[] | undefined {
    const found: (Stat | undefined)[] = []
    for (const path of paths) {
      if (path.includes('\0')) return undefined
      const stats = this.#making.tree.lookAtOnce(path, LOOK)
      if (stats === 'unsure') return undefined
      const isAbsent = stats === undefined || stats.isDirectory()
      if (!isAbsent && !stats.isFile()) return undefined
      found.push(isAbsent ? undefined : toStat(stats))
    }
    return found
  }

  read(path: string, size: number): Uint8Array | undefined {
    const fd = this.#making.tree.openFileAtOnce(path, READ)
    return fd === undefined ? undefined : readWhole(fd, size)
  }

  put(
    path: string,
    content: Uint8Array,
    { temporary, within, sharing }: PutAtOnceOptions,
  ): Stat | Promise<Stat> | undefined {
    const directory = temporary ?? parentOf(path)
    const stats = putAtOnce(path, directory, content, { ...this.#making, within, sharing })
    if (!(stats instanceof Promise)) return stats && toStat(stats)
    return stats.then(toStat, (error: unknown) => {
      throw localError(error, 'put', `${this.#making.root}/${path}`)
    })
  }

  remove(path: string, pruneParents: number): boolean {
    const parent = this.#making.tree.directoryAtOnce(parentOf(path), REMOVE)
    if (parent === undefined) return false
    try {
      fs.unlinkSync(parent.at(nameOf(path)))
      return this.#prune(parent, parentOf(path), pruneParents)
    } catch {
      return false
    } finally {
      fs.closeSync(parent.fd)
    }
  }

  /** As pruneAbove does. Where a link was on the way, its own way is to be gone. */
  #prune(opened: LocalDirectory, path: string, count: number): boolean {
    if (opened.plainParts < count) return false
    let child = path
    for (let levels = 1; levels <= count && child !== ''; levels++) {
      const named = opened.above(levels, nameOf(child))
      if (named === undefined) return false
      try {
        fs.rmdirSync(named)
      } catch (error) {
        return NOT_EMPTY.has(codeOf(error) ?? '')
      }
      this.#making.known.delete(child)
      child = parentOf(child)
    }
    return true
  }
}
