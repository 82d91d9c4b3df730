import { lstatSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { tmpdir, uptime } from 'node:os'
import { basename, join } from 'node:path'
import { isOwnDirectory, removeOwnDirectory, withOwnDirectory } from './own-directory.ts'
import { isAliveHere, isDead, isOfAnotherBoot, ourselves, type ProcessOwner, parseOwner } from './process/owner.ts'

/** How the names of work directories begin. */
const PREFIX = 'riastore-work-'

/** The file in a work directory that says whose it is: `ownerText`. */
export const OWNER = 'owner.json'

/** Of a process of which nothing can be known: on another machine, say. ms. */
const OLD_MS = 7 * 24 * 3_600_000

/** A directory that names no owner for so long was left by a process that was killed before. ms. */
const NAMELESS_MS = 60_000

/** So often a directory is made that others take away at once. */
const TRIES = 3

/**
 * Makes a directory below `parent` for as long as `work` goes on, and removes what killed processes
 * left there.
 */
export async function inWorkDirectory<T>(parent: string, work: (directory: string) => Promise<T>): Promise<T> {
  await mkdir(parent, { recursive: true })
  await removeDeadWorkDirectories(parent)
  const directory = await makeWorkDirectory(parent)
  try {
    return await work(directory)
  } finally {
    await removeWorkDirectory(directory)
  }
}

/** The same among the system's temporary files. */
export function inTemporaryDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  return inWorkDirectory(tmpdir(), work)
}

/**
 * Makes a directory of our own, which nobody else can enter, for bytes on their way. Its name tells
 * the process, should that be killed before it can write down more.
 */
export async function makeWorkDirectory(parent: string): Promise<string> {
  const { pid, processStart = '' } = ourselves()
  for (let tries = 1; ; tries++) {
    const directory = await mkdtemp(join(parent, `${PREFIX}${pid}-${processStart}-`))
    try {
      await writeFile(join(directory, OWNER), ownerText(basename(directory)), { flag: 'wx' })
      return directory
    } catch (error) {
      // Others took it away: we were asleep for longer than one without an owner may be there.
      if (tries === TRIES || Object(error).code !== 'ENOENT') throw error
    }
  }
}

/**
 * Says that a directory of this name is ours: one that somebody else renamed to look like it is
 * not.
 */
export function ownerText(name: string): string {
  return JSON.stringify({ ...ourselves(), directory: name })
}

/**
 * Whether a directory is ours alone, and of a process that is certainly gone: on a disk of this
 * machine (`onDisk`) also one that ran here before the machine was started anew, and has done
 * nothing since. By its host's name alone it may be another machine, which works on our disk by
 * NFS. For callers that have kinds of their own.
 */
export function isLeftBehind(parent: string, name: string, { onDisk }: { readonly onDisk: boolean }): boolean {
  try {
    const directory = join(parent, name)
    const stats = lstatSync(directory)
    if (!isOwnDirectory(stats)) return false
    const owner = parseOwnerFile(readFileSync(join(directory, OWNER), 'utf8'))
    if (owner?.directory !== name) return false
    if (isDead(owner)) return true
    return onDisk && isOfAnotherBoot(owner) && stats.mtimeMs < Date.now() - uptime() * 1000
  } catch {
    return false
  }
}

/** Removes what `makeWorkDirectory` made, and all that is in it. */
export function removeWorkDirectory(directory: string): Promise<void> {
  return removeOwnDirectory(directory, OWNER)
}

/**
 * Removes those of processes that were killed: only the user's own, and where it is certain that
 * the process is gone, or nothing was heard of it for a week. Never rejects.
 */
export async function removeDeadWorkDirectories(parent: string = tmpdir()): Promise<void> {
  const names = await readdir(parent).catch(() => [])
  for (const name of names.filter((each) => each.startsWith(PREFIX))) {
    const directory = join(parent, name)
    try {
      const state = await withOwnDirectory(directory, ({ content, mtimeMs }) => examine(content, name, mtimeMs))
      if (state === 'left') await removeWorkDirectory(directory)
      else if (state === 'begun') await removeBegun(directory)
    } catch {} // it is not empty, or somebody else takes it away
  }
}

/**
 * `left`: by a process that is gone. `begun`: by one that was killed before it wrote down whose it
 * is.
 */
async function examine(content: string, name: string, mtimeMs: number): Promise<'left' | 'begun' | 'kept'> {
  const age = Date.now() - mtimeMs
  const owner = await readOwner(content)
  if (owner === undefined) return isDead(ownerInName(name)) || age > NAMELESS_MS ? 'begun' : 'kept'
  if (owner.directory !== name) return 'kept'
  return isDead(owner) || (age > OLD_MS && !isAliveHere(owner)) ? 'left' : 'kept'
}

/** Removes a directory with nothing in it but the beginning of the owner's file. */
async function removeBegun(directory: string): Promise<void> {
  const isEmpty = await withOwnDirectory(directory, async ({ content }) => {
    if ((await readdir(content)).some((name) => name !== OWNER)) return false
    await rm(join(content, OWNER), { force: true })
    return true
  })
  if (isEmpty) await rmdir(directory)
}

/** Undefined when it was not written, or not to its end. */
async function readOwner(content: string): Promise<DirectoryOwner | undefined> {
  try {
    return parseOwnerFile(await readFile(join(content, OWNER), 'utf8'))
  } catch {
    return undefined
  }
}

interface DirectoryOwner extends ProcessOwner {
  readonly directory: unknown
}

/** Throws what `JSON.parse` throws. */
function parseOwnerFile(text: string): DirectoryOwner | undefined {
  const value = JSON.parse(text)
  const owner = parseOwner(value)
  return owner && { ...owner, directory: value.directory }
}

/** A process of this machine; ourselves when the name tells none. */
function ownerInName(name: string): ProcessOwner {
  const [, pid, processStart] = /^(\d+)-(\d+)-/.exec(name.slice(PREFIX.length)) ?? []
  return pid === undefined ? ourselves() : { ...ourselves(), pid: Number(pid), processStart }
}
