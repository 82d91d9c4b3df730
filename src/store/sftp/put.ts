import { abortedError } from '../../core/abort.ts'
import { messageOf, StoreError } from '../../core/errors.ts'
import { checkedSource } from '../common/checked-source.ts'
import type { Stat } from '../store.ts'
import { temporaryName } from '../temporary.ts'
import type { Connected } from './connection.ts'
import {
  type DirectoryOptions,
  makeParents,
  type NewDirectory,
  PRUNED_TRIES,
  shareDirectories,
  withWritable,
} from './directories.ts'
import { isFailure, isNoSuchFile, isUnsupported, sftpError } from './errors.ts'
import { hasShell } from './has-shell.ts'
import { checkLength, FLUSH_EVERY_BYTES, flush, type SftpPut } from './put-target.ts'
import type { SftpSession } from './session.ts'
import { EXEC_FROM_BYTES, uploadByShell } from './shell.ts'
import { toStat } from './stat.ts'
import type { TemporaryFile } from './temporary.ts'
import { parentOf } from './tree.ts'

/**
 * So much is on its way at once: enough for a fast line with some latency, little enough for many
 * jobs.
 */
const IN_FLIGHT_BYTES = 4 * 1024 * 1024

/** Where replacing takes several steps, others may come between; each time one of them is done. */
const STEP_TRIES = 100

/**
 * Uploads in two round trips: (1) make directories and look at the way, write, flush, look at the
 * length, close; (2) rename. The rename waits for all of (1), so what could not be written, or is
 * not where it should be, never becomes visible.
 */
export async function putSftp(connected: Connected, put: SftpPut): Promise<Stat> {
  const { session, temporary, known } = connected
  const { file, options, source, where } = put
  const directories: DirectoryOptions = {
    sharing: options.sharing,
    readers: options.readers,
    within: put.within,
    known,
  }
  const beside = parentOf(file)
  const made = makeAllowed(connected, file, directories)
  made.catch(() => {}) // awaited below
  if (put.temporary === undefined) await made
  const target = await temporary.take(put.temporary ?? beside, directories, put.temporary !== undefined)
  let isOpen = true
  try {
    const large = source.size >= EXEC_FROM_BYTES && (await hasShell(session))
    const uploaded = large ? await uploadByShell(session, target, put) : await uploadBySftp(session, target, put)
    isOpen = false
    const stat = options.mtimeMs === undefined ? uploaded : await setTime(session, target.path, options.mtimeMs)
    const directoriesMade = await made
    if (options.signal?.aborted) throw abortedError('put', where, options.signal)
    const shared = shareDirectories(session, directoriesMade, options.sharing)
    options.mayChange?.()
    await Promise.all([shared, publish(connected, target, file, options.ifAbsent === true, directories)])
    temporary.renamed(target)
    return stat
  } catch (error) {
    const removed = temporary.remove(target, isOpen)
    if (!options.signal?.aborted) await removed
    throw await explain(error, session, put)
  }
}

/**
 * Makes the directories above a file, and looks at the way there, which costs no round trip of its
 * own. Where a link is on it that is not followed, directories may have been made behind that: they
 * go again. Throws StoreError `denied` then.
 */
export async function makeAllowed(
  { session, tree }: Pick<Connected, 'session' | 'tree'>,
  file: string,
  directories: DirectoryOptions,
): Promise<NewDirectory[]> {
  const making = makeParents(session, file, directories)
  const looking = tree.directory(parentOf(file), { op: 'put', strict: true })
  looking.catch(() => {}) // awaited below
  const made = await making
  try {
    await looking
    return made
  } catch (error) {
    for (const { path } of made.reverse()) await session.rmdir(path).catch(() => {})
    directories.known.clear()
    throw error
  }
}

async function setTime(session: SftpSession, path: string, mtimeMs: number): Promise<Stat> {
  const seconds = Math.floor(mtimeMs / 1000)
  await session.setTimes(path, seconds, seconds)
  return toStat(await session.lstat(path))
}

async function uploadBySftp(
  session: SftpSession,
  { handle }: TemporaryFile,
  { source, options, where }: SftpPut,
): Promise<Stat> {
  const requests = new Requests(IN_FLIGHT_BYTES)
  let sent = 0
  let acknowledged = 0
  let flushed = 0
  for await (const chunk of checkedSource(source, where, options.signal)) {
    for (let at = 0; at < chunk.length; at += session.dataBytes) {
      const part = chunk.subarray(at, at + session.dataBytes)
      const written = session.write(handle, part, sent).then(() => {
        acknowledged += part.length
        options.onProgress?.(acknowledged)
      })
      sent += part.length
      await requests.add(written, part.length)
    }
    if (sent - flushed >= FLUSH_EVERY_BYTES) {
      flushed = sent
      await requests.add(flush(session, handle), 0)
    }
  }
  requests.add(flush(session, handle), 0)
  const stats = session.fstat(handle)
  requests.add(
    stats.then(() => {}),
    0,
  )
  requests.add(session.closeHandle(handle), 0)
  await requests.all()
  const written = await stats
  session.uid ??= written.uid
  return checkLength(toStat(written), source, where)
}

async function publish(
  connected: Connected,
  { path }: TemporaryFile,
  file: string,
  ifAbsent: boolean,
  options: DirectoryOptions,
) {
  const { session } = connected
  for (let tries = 1; ; tries++) {
    try {
      return await withWritable(session, parentOf(file), () =>
        ifAbsent ? moveNew(session, path, file) : moveOver(session, path, file),
      )
    } catch (error) {
      if (!isNoSuchFile(error) || tries === PRUNED_TRIES) throw error
      options.known.clear()
      await shareDirectories(session, await makeAllowed(connected, file, options), options.sharing)
    }
  }
}

async function moveNew(session: SftpSession, path: string, file: string): Promise<void> {
  try {
    await session.renameNew(path, file)
  } catch (error) {
    const exists = isFailure(error) && (await session.lstat(file).catch(() => undefined)) !== undefined
    if (!exists) throw error
    throw new StoreError({ kind: 'conflict', op: 'put', where: file, message: 'the file exists', cause: error })
  }
}

async function moveOver(session: SftpSession, path: string, file: string): Promise<void> {
  try {
    await session.renameOver(path, file)
  } catch (error) {
    if (!isUnsupported(error)) throw error
    await moveInSteps(session, path, file)
  }
}

/**
 * For a server without posix-rename, whose rename replaces nothing: what is in the way steps aside,
 * into the directory of the temporary file, and comes back when the new file cannot take its place.
 * Whoever else does the same at the same time is let go first.
 */
async function moveInSteps(session: SftpSession, path: string, file: string): Promise<void> {
  const aside: string[] = []
  try {
    for (let tries = 1; ; tries++) {
      try {
        await session.renameNew(path, file)
        break
      } catch (error) {
        if (!isFailure(error) || tries === STEP_TRIES) throw error
      }
      const old = `${path.slice(0, path.lastIndexOf('/'))}/${temporaryName()}`
      try {
        await session.renameNew(file, old)
        aside.push(old)
      } catch (error) {
        if (!isNoSuchFile(error)) throw error
      }
    }
  } catch (error) {
    // The newest goes back. What cannot is left to whoever removes what dead uploads left.
    for (const old of aside.reverse()) await session.renameNew(old, file).catch(() => {})
    throw error
  }
  await Promise.allSettled(aside.map((old) => session.unlink(old)))
}

/** SFTP has no word for a full disk: a plain failure is looked into. */
async function explain(thrown: unknown, session: SftpSession, { where, within, source }: SftpPut): Promise<unknown> {
  const error = sftpError(thrown, 'put', where)
  if (!(error instanceof StoreError)) {
    return new StoreError({ kind: 'unreachable', op: 'put', where, message: messageOf(error), cause: error })
  }
  if (!isFailure(thrown)) return error
  const free = await session.freeBytes(within).catch(() => undefined)
  if (free === undefined || free >= source.size) return error
  const message = `no space left: ${source.size} bytes to store, ${free} free`
  return new StoreError({ kind: 'full', op: 'put', where, message, cause: error })
}

/** Requests on their way: bounded in bytes, and the first that fails stops the rest. */
class Requests {
  readonly #limit: number
  readonly #pending = new Set<Promise<void>>()
  #bytes = 0
  #failed: { error: unknown } | undefined

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Takes a request that was sent, and waits until there is room for another. */
  async add(request: Promise<void>, bytes: number): Promise<void> {
    this.#bytes += bytes
    const settled: Promise<void> = request.then(
      () => this.#settle(settled, bytes),
      (error: unknown) => {
        this.#failed ??= { error }
        this.#settle(settled, bytes)
      },
    )
    this.#pending.add(settled)
    while (this.#bytes > this.#limit && !this.#failed) await Promise.race(this.#pending)
    this.#throwIfFailed()
  }

  async all(): Promise<void> {
    await Promise.all(this.#pending)
    this.#throwIfFailed()
  }

  #settle(settled: Promise<void>, bytes: number): void {
    this.#pending.delete(settled)
    this.#bytes -= bytes
  }

  #throwIfFailed(): void {
    if (this.#failed) throw this.#failed.error
  }
}
