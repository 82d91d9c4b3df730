import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { isOnDisk } from '../../core/files.ts'
import { parseKey } from '../../core/key.ts'
import { isOwnDirectory } from '../../core/own-directory.ts'
import { decode, toFsPath } from '../../core/text.ts'
import { isLeftBehind } from '../../core/work-directory.ts'
import { releaseIndexLock } from './index-lock.ts'

/** What is in a work directory, and counts for who takes it over. */
export const KEYS = 'keys'
export const PLACED = 'placed'
export const INDEX_LOCK = 'index-lock'
export const RESTAGE = 'restage'
const TAKEN = 'taken-'

/** What was found in the directories of the dead. */
export interface Found {
  /** The names of the files of keys that were brought to ours. */
  readonly leftovers: Set<string>
  /** Keys, as `placed` names them. */
  readonly placed: string[]
  /** Files of ours by now. */
  readonly restage: string[]
}

/**
 * Brings all that dead processes left below `parent` into the work directory `path`, as if it had
 * been made there: so it stays as deep, and as large, however often it is taken over. Throws what
 * the file system says; nothing is lost then, nor when this process is killed.
 */
export function takeOverAll(parent: string, path: string): Found {
  const found: Found = { leftovers: new Set(), placed: [], restage: [] }
  // In a repository that others can write to, a name proves nothing.
  const where = { onDisk: isOnDisk(parent) }
  for (const name of fs.readdirSync(parent)) {
    if (isLeftBehind(parent, name, where)) takeOver(parent, name, path, found)
  }
  return found
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
  collect(taken, path, found)
}

/** Brings what is in a directory into ours, and removes it. */
function collect(directory: string, path: string, found: Found): void {
  for (const entry of fs.readdirSync(directory)) {
    const from = join(directory, entry)
    if (entry === PLACED) collectPlaced(from, path, found)
    else if (entry === KEYS) collectKeys(from, join(path, KEYS), found)
    else if (entry === INDEX_LOCK) releaseIndexLock(from)
    else if (entry.startsWith(RESTAGE)) {
      const ours = join(path, `${RESTAGE}-${randomBytes(6).toString('hex')}`)
      fs.renameSync(from, ours)
      found.restage.push(ours)
    } else if (entry.startsWith(TAKEN)) collect(from, path, found)
  }
  fs.rmSync(directory, { recursive: true, force: true })
}

/**
 * A line that was cut off is of a key that was not placed. After a loss of power anything may be
 * there in place of keys.
 */
function collectPlaced(from: string, path: string, found: Found): void {
  const bytes = fs.readFileSync(from)
  const lines = bytes.subarray(0, bytes.lastIndexOf('\n') + 1)
  fs.appendFileSync(join(path, PLACED), lines)
  for (const key of decode(lines).split('\n')) if (parseKey(key).size !== undefined) found.placed.push(key)
}

/**
 * Of what two left of a key the longer part stays. It can be written to, also when it was about to
 * be placed.
 */
function collectKeys(from: string, keys: string, { leftovers }: Found): void {
  for (const name of fs.readdirSync(from, { encoding: 'buffer' }).map(decode)) {
    const [theirs, ours] = [`${from}/${name}`, `${keys}/${name}`].map(toFsPath) as [string | Buffer, string | Buffer]
    const there = fs.statSync(ours, { throwIfNoEntry: false })
    if (there === undefined || there.size < fs.statSync(theirs).size) fs.renameSync(theirs, ours)
    fs.chmodSync(ours, 0o644)
    leftovers.add(name)
  }
}
