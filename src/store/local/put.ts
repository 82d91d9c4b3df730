import type * as fs from 'node:fs'
import { abortedError } from '../../core/abort.ts'
import { codeOf, StoreError } from '../../core/errors.ts'
import { type Files, writeFully } from '../../core/files.ts'
import type { Source } from '../../core/source.ts'
import { checkedSource } from '../common/checked-source.ts'
import { newFileMode, sharedFileMode } from '../sharing.ts'
import type { PutOptions } from '../store.ts'
import { temporaryName } from '../temporary.ts'
import {
  adopt,
  closeAll,
  flushDirectory,
  type Made,
  type MakeOptions,
  makeDirectories,
  nameOf,
  parentOf,
  withWritable,
} from './directories.ts'
import type { LocalDirectory } from './directory.ts'

export type LocalPutOptions = Omit<PutOptions, 'within' | 'sharing'> & MakeOptions

/**
 * Data goes to the disk while more is read, so that the last fsync, and with it a stall, stays
 * short. Bytes.
 */
const FLUSH_EVERY_BYTES = 64 * 1024 * 1024

/** What may be flushed without letting other jobs go on meanwhile. */
const SMALL_BYTES = 64 * 1024

/**
 * Somebody may prune an empty directory between our making it and our using it; so often we make it
 * again.
 */
const TRIES = 20

/**
 * Writes `source` to a temporary file in `directory`, checks and flushes it, and renames it to
 * `path`, both in the store. `registry` holds the temporary file while it exists.
 */
export async function putLocal(
  path: string,
  directory: string,
  source: Source,
  options: LocalPutOptions,
  registry: Set<string>,
): Promise<fs.Stats> {
  const { files, root } = options
  const name = temporaryName()
  const where = `${root}/${path}`
  const registered = `${root}/${directory}/${name}`
  registry.add(registered)
  const made: Made[] = []
  try {
    const { result: fd } = await inDirectory(directory, options, made, async (inside) =>
      files.open(inside.at(name), 'wx', newFileMode(options)),
    )
    const temporary = made.at(-1)?.directory
    if (temporary === undefined) throw new Error('a file is in a directory')
    try {
      const stats = await writeTemporary(fd, temporary, source, where, options)
      if (options.signal?.aborted) throw abortedError('put', where, options.signal)
      const ifAbsent = options.ifAbsent === true
      const { directory: target } = await inDirectory(parentOf(path), options, made, (inside) => {
        options.mayChange?.()
        return moveInto(files, temporary.at(name), inside.at(nameOf(path)), ifAbsent)
      })
      const changed = new Set([target, ...made.flatMap((each) => each.changed)])
      await Promise.all([...changed].map((each) => flushDirectory(files, each)))
      return stats
    } catch (error) {
      await removeQuietly(files, temporary.at(name)) // the first error is the one to tell
      throw error
    }
  } finally {
    registry.delete(registered)
    await closeAll(made.flatMap((each) => [each.directory, ...each.changed]))
  }
}

async function writeTemporary(
  fd: number,
  directory: LocalDirectory,
  source: Source,
  where: string,
  options: LocalPutOptions,
): Promise<fs.Stats> {
  const { files } = options
  try {
    await writeAll(files, fd, source, where, options)
    await adopt(files, directory, fd)
    await files.fsync(fd)
    const stats = await files.fstat(fd)
    if (stats.size !== source.size) {
      const message = `the file system kept ${stats.size} of ${source.size} bytes`
      throw new StoreError({ kind: 'corrupt', op: 'put', where, message })
    }
    if (options.sharing) await files.fchmod(fd, sharedFileMode(stats.mode, options.sharing) & 0o7777)
    return stats
  } finally {
    await files.close(fd)
  }
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

/** Changes a directory's entries, after it was made. Adds to `made` what was opened for that. */
async function inDirectory<T>(
  path: string,
  options: LocalPutOptions,
  made: Made[],
  change: (directory: LocalDirectory) => T | Promise<T>,
): Promise<{ directory: LocalDirectory; result: T }> {
  for (let tries = 1; ; tries++) {
    try {
      const here = await makeDirectories(path, options)
      made.push(here)
      const { directory } = here
      return { directory, result: await withWritable(options.files, directory, () => change(directory)) }
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || tries === TRIES) throw error
      options.known.clear() // somebody removed what was known
    }
  }
}

async function moveInto(files: Files, from: string | Buffer, to: string | Buffer, ifAbsent: boolean): Promise<void> {
  if (!ifAbsent) return files.rename(from, to)
  await files.link(from, to) // fails with EEXIST where rename would replace
  await files.unlink(from)
}

/** Never rejects. */
export async function removeQuietly(files: Files, path: string | Buffer): Promise<void> {
  try {
    await files.unlink(path)
  } catch {}
}
