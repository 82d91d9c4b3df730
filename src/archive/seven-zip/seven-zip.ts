import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { messageOf, StoreError } from '../../core/errors.ts'
import type { Bytes } from '../../core/source.ts'
import { isPackable, type Level, listOfNames, type Names } from './arguments.ts'
import { type FindOptions, findSevenZip, type SevenZip } from './find.ts'
import { type Progress, runSevenZip } from './run.ts'
import { INSTALL_HINT, tooOld } from './version.ts'
import { filesFound, filesMissed, sevenZipError } from './words.ts'

export { isPackable, isTemporaryOf, type Level, listOfNames, type Names, sevenZipArguments } from './arguments.ts'
export { type FindOptions, findSevenZip, type SevenZip } from './find.ts'
export type { Progress } from './run.ts'

interface Options {
  /** The archive's file. */
  readonly archive: string
  /**
   * It is new, or all that is in it was packed by us just now: then an old 7-Zip program may read
   * it, too. Default false.
   */
  readonly isOurs?: boolean | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
  readonly signal?: AbortSignal | undefined
  /** Where to look for the program. */
  readonly programs?: FindOptions | undefined
}

export interface AddOptions extends Options {
  /** The names are relative to it. */
  readonly directory: string
  /**
   * Regular files, each `isPackable`. They become members of the same name; a member that has that
   * name is replaced.
   */
  readonly names: Names
  readonly level: Level
}

export interface Added {
  /**
   * Those of the names that are not in the archive, because the file vanished or could not be read.
   */
  readonly notAdded: readonly string[]
}

/**
 * `7z a`: makes an archive, or adds to one without packing again what is in it. All or nothing for
 * an archive that is there: another file takes its place, so that a hard link to the old one, or
 * who has it open, keeps the old content. One that was not there may be left incomplete when we are
 * killed. Check what was added before relying on it: 7-Zip does not notice a file that changes
 * while it reads. Throws StoreError.
 */
export async function addMembers(options: AddOptions): Promise<Added> {
  const op = 'pack'
  const { names } = options
  checkNames(op, options.archive, names)
  if (names.size === 0) return { notAdded: [] }
  const { program, result } = await withList(op, options, names, { level: options.level })
  const missed = filesMissed(result.lines, names)
  if (missed === undefined || (result.result !== 0 && result.result !== 1)) {
    throw sevenZipError(op, options.archive, program.path, result)
  }
  const found = filesFound(result.lines)
  const expected = names.size - missed.scanned.size
  if (found !== expected) {
    const message = `${program.path} dealt with ${found ?? 'an unknown number'} of ${expected} files`
    throw new StoreError({ kind: 'transient', op, where: options.archive, message })
  }
  const notAdded = [...new Set([...missed.scanned, ...missed.read])]
  if (result.result === 1 && notAdded.length === 0) throw sevenZipError(op, options.archive, program.path, result)
  return { notAdded }
}

export interface RemoveMembersOptions extends Options {
  /** Names of members; those that are not there do not matter. */
  readonly names: Names
}

/**
 * `7z d`: removes members, without packing the others again unless they are in one solid block with
 * them. All or nothing. Throws StoreError.
 */
export async function removeMembers(options: RemoveMembersOptions): Promise<void> {
  const op = 'remove'
  const { names } = options
  checkNames(op, options.archive, names)
  if (names.size === 0) return
  const { program, result } = await withList(op, options, names)
  if (result.result !== 0) throw sevenZipError(op, options.archive, program.path, result)
}

/**
 * `7z t`: unpacks everything and checks every CRC. Throws StoreError: `corrupt` when one is wrong.
 */
export async function testArchive(options: Options): Promise<void> {
  const op = 'test'
  const archive = resolve(options.archive)
  const program = await needProgram(op, { ...options, archive })
  const { onProgress, signal } = options
  const result = await runSevenZip(program, { command: 'test', archive }, { op, onProgress, signal })
  if (result.result !== 0) throw sevenZipError(op, archive, program.path, result)
}

async function withList(
  op: string,
  options: Options & { readonly directory?: string },
  names: Iterable<string>,
  adding?: { readonly level: Level },
) {
  const archive = resolve(options.archive)
  const program = await needProgram(op, { ...options, archive })
  const list = await openList(op, archive, names)
  try {
    const listFile = '/dev/fd/3'
    const { directory, onProgress, signal } = options
    const settings = { op, directory, listFd: list.fd, onProgress, signal }
    const command = adding
      ? ({ command: 'add', archive, listFile, level: adding.level } as const)
      : ({ command: 'remove', archive, listFile } as const)
    return { program, result: await runSevenZip(program, command, settings) }
  } finally {
    await list.close()
  }
}

/**
 * Finds the program that can do something with this archive. Throws StoreError `unsupported` when
 * there is none, so that nothing has to be begun.
 */
export async function needProgram(
  op: string,
  { archive, isOurs, programs }: Pick<Options, 'archive' | 'isOurs' | 'programs'>,
): Promise<SevenZip> {
  const program = await findSevenZip(programs)
  if (program !== undefined && (isOurs || program.isSafe)) return program
  const message = program ? tooOld(program.path, program.version) : `it needs the 7-Zip program: ${INSTALL_HINT}`
  throw new StoreError({ kind: 'unsupported', op, where: archive, message, sent: 'no' })
}

function checkNames(op: string, archive: string, names: Iterable<string>): void {
  for (const name of names) {
    if (isPackable(name)) continue
    const message = `7-Zip cannot deal with the name ${JSON.stringify(name)}`
    throw new StoreError({ kind: 'unsupported', op, where: archive, message, sent: 'no' })
  }
}

/** A list file without a name: it goes when it is closed, whatever becomes of us. */
async function openList(op: string, archive: string, names: Iterable<string>): Promise<FileHandle> {
  const path = join(tmpdir(), `riastore-${randomBytes(9).toString('base64url')}.txt`)
  let file: FileHandle | undefined
  try {
    file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600)
    await unlink(path)
    await writeFrom0(file, listOfNames(names).open())
    return file
  } catch (error) {
    await file?.close()
    const message = `no list of names in ${tmpdir()}: ${messageOf(error)}`
    throw new StoreError({ kind: 'full', op, where: archive, message, sent: 'no', cause: error })
  }
}

/**
 * Leaves the file's position at 0: on some systems whoever opens a descriptor anew goes on from
 * there.
 */
async function writeFrom0(file: FileHandle, content: Bytes): Promise<void> {
  let position = 0
  for await (const chunk of content) {
    for (let done = 0; done < chunk.length; ) {
      done += (await file.write(chunk, done, chunk.length - done, position + done)).bytesWritten
    }
    position += chunk.length
  }
}
