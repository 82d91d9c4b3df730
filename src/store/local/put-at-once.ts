import * as fs from 'node:fs'
import { codeOf } from '../../core/errors.ts'
import type { Files } from '../../core/files.ts'
import { DIRECTORY_MODE, newFileMode, sharedDirectoryMode, sharedFileMode } from '../sharing.ts'
import { temporaryName } from '../temporary.ts'
import {
  flushDirectory,
  flushDirectoryAtOnce,
  nameOf,
  parentOf,
  requireFlushable,
  unknownParts,
} from './directories.ts'
import type { LocalDirectory } from './directory.ts'
import type { LocalPutOptions } from './put.ts'

const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = fs.constants

/** A small file that has its name; the directories are still to be flushed and closed. */
interface Placed {
  readonly stats: fs.Stats
  readonly opened: readonly LocalDirectory[]
  readonly changed: ReadonlySet<LocalDirectory>
}

/**
 * Does what `putLocal` does, in the same order, for a small file on a disk of this machine, by
 * calls that are over when they return. It knows only the plain case. Undefined: nothing was
 * stored, and `putLocal` does it or says why not. Rejects when a directory cannot be flushed.
 */
export function putAtOnce(
  path: string,
  directory: string,
  content: Uint8Array,
  options: LocalPutOptions,
): fs.Stats | Promise<fs.Stats> | undefined {
  const { files } = options
  let opened: readonly LocalDirectory[] = []
  try {
    const placed = files.flushesAtOnce ? place(path, directory, content, options) : undefined
    if (placed === undefined) return undefined
    opened = placed.opened
    const left = [...placed.changed].filter((each) => !flushDirectoryAtOnce(files, each))
    if (left.length > 0) return flushLater(files, left, placed)
    closeAtOnce(opened)
    return placed.stats
  } catch (error) {
    closeAtOnce(opened)
    return Promise.reject(error)
  }
}

async function flushLater(files: Files, left: readonly LocalDirectory[], { stats, opened }: Placed): Promise<fs.Stats> {
  try {
    await Promise.all(left.map((each) => flushDirectory(files, each)))
    return stats
  } finally {
    closeAtOnce(opened)
  }
}

function closeAtOnce(directories: readonly LocalDirectory[]): void {
  for (const { fd } of directories) fs.closeSync(fd)
}

function place(path: string, directory: string, content: Uint8Array, options: LocalPutOptions): Placed | undefined {
  const temporary = options.tree.directoryAtOnce(directory, options)
  if (temporary === undefined) return undefined
  const opened = [temporary]
  const changed = new Set<LocalDirectory>()
  const file = temporary.at(temporaryName())
  let isMade = false
  try {
    const fd = fs.openSync(file, 'wx', newFileMode(options))
    isMade = true
    const stats = write(fd, content, temporary, options)
    const target = makeDirectories(parentOf(path), options, opened, changed)
    if (stats !== undefined && target !== undefined) {
      fs.renameSync(file, target.at(nameOf(path)))
      changed.add(target)
      return { stats, opened, changed }
    }
  } catch {} // it will happen again, to `putLocal`
  try {
    if (isMade) removeQuietly(file)
    // For `putLocal` what was made here will be there, and nothing that has to be flushed.
    for (const each of changed) flushNow(each)
  } finally {
    closeAtOnce(opened)
  }
  return undefined
}

function flushNow({ fd }: LocalDirectory): void {
  try {
    fs.fsyncSync(fd)
  } catch (error) {
    requireFlushable(error)
  }
}

/** Undefined when it is not all there, or not flushed. */
function write(
  fd: number,
  content: Uint8Array,
  directory: LocalDirectory,
  { files, sharing }: LocalPutOptions,
): fs.Stats | undefined {
  try {
    const written = fs.writeSync(fd, content, 0, content.length, 0)
    adopt(directory, fd)
    if (written !== content.length || !files.fsyncAtOnce(fd)) return undefined
    const stats = fs.fstatSync(fd)
    if (stats.size !== content.length) return undefined
    if (sharing) fs.fchmodSync(fd, sharedFileMode(stats.mode, sharing) & 0o7777)
    return stats
  } finally {
    fs.closeSync(fd)
  }
}

/** Adds to `opened` what was opened, and to `changed` what was made in. */
function makeDirectories(
  path: string,
  options: LocalPutOptions,
  opened: LocalDirectory[],
  changed: Set<LocalDirectory>,
): LocalDirectory | undefined {
  const { start, wanted } = unknownParts(path, options)
  let here = options.tree.directoryAtOnce(start, options)
  if (here === undefined) return undefined
  opened.push(here)
  for (const directory of wanted) {
    const at = here.at(nameOf(directory))
    const isNew = makeDirectory(at)
    if (isNew) changed.add(here)
    // What was there may be a link: then this fails.
    const fd = fs.openSync(at, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    const next = here.inside(nameOf(directory), { fd, isReadable: true })
    opened.push(next)
    if (isNew) {
      adopt(here, fd)
      if (options.sharing) fs.fchmodSync(fd, sharedDirectoryMode(fs.fstatSync(fd).mode, options.sharing) & 0o7777)
    }
    options.known.add(directory)
    here = next
  }
  return here
}

/** False when it was there already. */
function makeDirectory(path: string | Buffer): boolean {
  try {
    fs.mkdirSync(path, DIRECTORY_MODE)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

const IS_ROOT = process.geteuid?.() === 0

/** As directories.ts has it. */
function adopt(parent: LocalDirectory, fd: number): void {
  if (!IS_ROOT) return
  const { uid, gid } = fs.fstatSync(parent.fd)
  if (uid !== 0) fs.fchownSync(fd, uid, gid)
}

function removeQuietly(file: string | Buffer): void {
  try {
    fs.unlinkSync(file)
  } catch {}
}
