import * as fs from 'node:fs'
import { resolve } from 'node:path'
import { decode, encode, toFsPath } from '../../core/text.ts'
import type { Clone } from './clone.ts'
import { hasIndexLock, releaseIndexLock, takeIndexLock } from './index-lock.ts'
import { localError } from './local-error.ts'
import { missedFiles } from './missed-files.ts'
import { feed, outputOf, startProgram } from './programs.ts'
import type { WorkDirectory } from './work-directory.ts'

/**
 * Has git's index know filled files as unchanged: those that git-annex has noted, whoever filled
 * them, and those that a dead run of ours filled and git-annex had no time to note. Where that
 * cannot be, nothing of the content is wrong, and the files look changed: `onNote` is told.
 *
 * git-annex would take the lock of the index itself, and a lock that a killed git-annex leaves is
 * like everybody's: it would stay until somebody dares to remove it. So the lock is ours, git-annex
 * works on another name of the index, and that gets its place: as git and git-annex do it, too.
 * Throws StoreError.
 */
export async function restage(clone: Clone, work: WorkDirectory, onNote?: (text: string) => void): Promise<void> {
  if (clone.isBare) return
  carryOver(clone, work)
  for (let rounds = 0; rounds < ROUNDS; rounds++) {
    // Files that nobody noted are looked for after a kill only.
    if (!isRestageDue(clone) && work.placedBefore.length === 0) return
    const index = await indexOf(clone)
    if (!isRestageDue(clone) && (await missedFiles(clone, index, work.placedBefore)).length === 0) return
    const taken = await takeIndexLock(index, work.indexLock)
    if (taken === 'taken') await restageLocked(clone, work, index)
    else return await restageUnlocked(clone, work, index, { isHeld: taken === 'held', onNote })
  }
}

/** git-annex beside us notes more files while we have the lock, and does not wait for it. */
const ROUNDS = 3

async function restageLocked(clone: Clone, work: WorkDirectory, index: string): Promise<void> {
  try {
    fs.writeFileSync(work.restageNote, notes(clone).flatMap(read).join(''), 'latin1')
    const ours = snapshotOf(index, work)
    await restageBy(clone, ours)
    await refresh(clone, ours, await missedFiles(clone, ours, work.placedBefore))
    moveInto(index, ours, work)
  } catch (error) {
    throw localError(error, index)
  } finally {
    releaseIndexLock(work.indexLock)
  }
}

/** Without a lock that can be told from others git-annex takes one itself. */
async function restageUnlocked(
  clone: Clone,
  work: WorkDirectory,
  index: string,
  { isHeld, onNote }: { isHeld: boolean; onNote: ((text: string) => void) | undefined },
): Promise<void> {
  if (!isHeld) await restageBy(clone)
  const isMissed = (await missedFiles(clone, index, work.placedBefore)).length > 0
  if (isMissed) work.keep() // the next run must know of them
  if (!isMissed && !isRestageDue(clone)) return
  onNote?.(
    `${clone.directory}: git status may show files as changed that are not, for git's index could not be written: ` +
      'remove .git/index.lock if no git is running, then run riastore get again',
  )
}

/**
 * What git-annex is given that fills files: an index that is locked. It notes each file that it
 * filled, and cannot restage them. Any of its processes may: whoever first looks at the index after
 * an object got its place fills the files that point to it.
 */
export async function withoutRestage(clone: Clone, work: WorkDirectory): Promise<Readonly<Record<string, string>>> {
  const ours = snapshotOf(await indexOf(clone), work)
  fs.writeFileSync(`${ours}.lock`, '')
  return { GIT_INDEX_FILE: ours }
}

/** The index of this work tree. */
async function indexOf({ directory }: Clone): Promise<string> {
  const path = await outputOf('git', ['rev-parse', '--git-path', 'index'], { cwd: directory })
  return resolve(directory, decode(path).replace(/\n$/, ''))
}

/** The index under a name of ours. git never changes a file of this kind, it replaces it. */
function snapshotOf(index: string, work: WorkDirectory): string {
  const ours = work.newFile()
  try {
    fs.linkSync(toFsPath(index), ours)
  } catch {
    fs.copyFileSync(toFsPath(index), ours)
  }
  return ours
}

/** Before 10.20220927 there was no such command, and git finds it out by itself. */
async function restageBy({ directory }: Clone, index?: string): Promise<void> {
  await outputOf('git', ['annex', 'restage', '--quiet'], {
    cwd: directory,
    accepts: [0, 1],
    ...(index !== undefined && { env: { GIT_INDEX_FILE: index } }),
  })
}

async function refresh({ directory }: Clone, index: string, files: readonly string[]): Promise<void> {
  if (files.length === 0) return
  const updating = startProgram('git', ['update-index', '-z', '--stdin'], {
    cwd: directory,
    stdin: 'pipe',
    env: { GIT_INDEX_FILE: index },
  })
  updating.stdout.resume()
  const names = async function* () {
    for (const file of files) yield encode(`${file}\0`)
  }
  await feed(updating.stdin, names())
  await updating.ended
}

/** Nothing of it is lost when the power goes, nor of what somebody wrote who removed our lock. */
function moveInto(index: string, ours: string, { indexLock }: WorkDirectory): void {
  const fd = fs.openSync(ours, 'r')
  try {
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
  if (!hasIndexLock(indexLock)) throw new Error(`somebody removed ${index}.lock while riastore had it`)
  fs.renameSync(ours, toFsPath(index))
}

/**
 * Where git-annex notes which files it filled and could not restage. While it restages them the
 * first is renamed to the second.
 */
function notes({ annexDirectory }: Clone): [log: string, old: string] {
  return [`${annexDirectory}/restage.log`, `${annexDirectory}/restage.old`]
}

function isRestageDue(clone: Clone): boolean {
  return notes(clone).some((note) => read(note).length > 0)
}

/**
 * What git-annex had noted when a run of ours was killed that had it restaged, perhaps not in the
 * index that is in its place. A file that changed since is left alone by git-annex.
 */
function carryOver(clone: Clone, { restageBefore }: WorkDirectory): void {
  const lines = restageBefore.flatMap(read).join('')
  if (lines !== '') fs.appendFileSync(toFsPath(notes(clone)[0]), lines, 'latin1')
}

/** What is in a file, if anything. */
function read(file: string): string[] {
  try {
    const text = fs.readFileSync(toFsPath(file), 'latin1')
    return text === '' ? [] : [text]
  } catch {
    return []
  }
}
