import type * as fs from 'node:fs'
import { abortedError } from '../core/abort.ts'
import { codeOf, StoreError } from '../core/errors.ts'
import { type Files, writeFully } from '../core/files.ts'
import type { Source } from '../core/source.ts'
import { toFsPath } from '../core/text.ts'
import { type MakeOptions, makeParents, parentOf, withWritable } from './local-directories.ts'
import { checkedSource } from './put-source.ts'
import { FILE_MODE, sharedFileMode } from './sharing.ts'
import type { PutOptions } from './store.ts'
import { temporaryName } from './temporary.ts'

/** As PutOptions, with `within` absolute. */
export type LocalPutOptions = Omit<PutOptions, 'within'> & MakeOptions

/** Data goes to the disk while more is read, so that the last fsync, and with it a stall, stays short. Bytes. */
const FLUSH_EVERY_BYTES = 64 * 1024 * 1024

/** What may be flushed without letting other jobs go on meanwhile. */
const SMALL_BYTES = 64 * 1024

/** Somebody may prune an empty directory between our making it and our using it; so often we make it again. */
const TRIES = 20

/**
 * Writes `source` to a temporary file in `directory`, checks and flushes it, and renames it to `file`.
 * `registry` holds the temporary file while it exists.
 */
export async function putLocal(
  files: Files,
  file: string,
  directory: string,
  source: Source,
  options: LocalPutOptions,
  registry: Set<string>,
): Promise<fs.Stats> {
  const temporary = `${directory}/${temporaryName()}`
  registry.add(temporary)
  try {
    const stats = await writeTemporary(files, temporary, source, file, options)
    if (options.signal?.aborted) throw abortedError('put', file, options.signal)
    const changed = await publish(files, temporary, file, options)
    await Promise.all([...new Set(changed)].map((changedDirectory) => flushDirectory(files, changedDirectory)))
    return stats
  } catch (error) {
    await removeQuietly(files, temporary) // the first error is the one to tell
    throw error
  } finally {
    registry.delete(temporary)
  }
}

async function writeTemporary(
  files: Files,
  temporary: string,
  source: Source,
  file: string,
  options: LocalPutOptions,
): Promise<fs.Stats> {
  const fd = await openNew(files, temporary, options)
  try {
    await writeAll(files, fd, source, file, options)
    await files.fsync(fd)
    const stats = await files.fstat(fd)
    if (stats.size !== source.size) {
      const message = `the file system kept ${stats.size} of ${source.size} bytes`
      throw new StoreError({ kind: 'corrupt', op: 'put', where: file, message })
    }
    if (options.sharing) await files.fchmod(fd, sharedFileMode(stats.mode, options.sharing) & 0o7777)
    return stats
  } finally {
    await files.close(fd)
  }
}

async function openNew(files: Files, temporary: string, options: LocalPutOptions): Promise<number> {
  const open = () => files.open(toFsPath(temporary), 'wx', FILE_MODE)
  return (await withParents(files, temporary, options, open)).result
}

async function writeAll(
  files: Files,
  fd: number,
  source: Source,
  file: string,
  options: LocalPutOptions,
): Promise<void> {
  let written = 0
  let flushed = 0
  let flushing: Promise<void> | undefined
  let failure: unknown
  for await (const chunk of checkedSource(source, file, options.signal)) {
    await writeFully(files, fd, chunk, written)
    written += chunk.length
    options.onProgress?.(written)
    if (written - flushed >= FLUSH_EVERY_BYTES && flushing === undefined) {
      flushed = written
      flushing = files
        .fdatasync(fd)
        .catch((error: unknown) => {
          failure = error
        })
        .finally(() => {
          flushing = undefined
        })
    }
    if (failure !== undefined) break
  }
  await flushing
  if (failure !== undefined) throw failure
  if (written - flushed > SMALL_BYTES) await files.fdatasync(fd) // in the background; the fsync that follows is then short
}

/** Makes the file visible under its name. Returns the directories whose entries changed. */
async function publish(files: Files, temporary: string, file: string, options: LocalPutOptions): Promise<string[]> {
  const move = () => {
    options.mayChange?.()
    return moveInto(files, temporary, file, options.ifAbsent === true)
  }
  const { changed } = await withParents(files, file, options, move)
  return [parentOf(file), ...changed]
}

/** Changes a directory's entries, after its parents were made; `changed` are those of them whose entries changed, too. */
async function withParents<T>(
  files: Files,
  file: string,
  options: LocalPutOptions,
  change: () => T | Promise<T>,
): Promise<{ result: T; changed: string[] }> {
  const changed: string[] = []
  for (let tries = 1; ; tries++) {
    try {
      changed.push(...(await makeParents(files, file, options)))
      return { result: await withWritable(files, parentOf(file), change), changed }
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || tries === TRIES) throw error
      options.known.clear() // somebody removed what was known
    }
  }
}

async function moveInto(files: Files, temporary: string, file: string, ifAbsent: boolean): Promise<void> {
  if (!ifAbsent) return files.rename(toFsPath(temporary), toFsPath(file))
  await files.link(toFsPath(temporary), toFsPath(file)) // fails with EEXIST where rename would replace
  await files.unlink(toFsPath(temporary))
}

/**
 * Some network file systems cannot flush a directory, and one that may be searched need not be readable. One that is gone was pruned, after somebody had removed
 * from it what was put there.
 */
const CANNOT_FLUSH = new Set(['EINVAL', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EACCES', 'EPERM', 'ENOENT'])

export async function flushDirectory(files: Files, directory: string): Promise<void> {
  const allowed = (error: unknown) => {
    if (!CANNOT_FLUSH.has(codeOf(error) ?? '')) throw error
  }
  let fd: number
  try {
    fd = await files.open(toFsPath(directory), 'r')
  } catch (error) {
    return allowed(error)
  }
  try {
    await files.fsync(fd).catch(allowed)
  } finally {
    await files.close(fd)
  }
}

export async function removeQuietly(files: Files, file: string): Promise<void> {
  try {
    await files.unlink(toFsPath(file))
  } catch {}
}
