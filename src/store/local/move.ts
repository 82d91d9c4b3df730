import { statfs } from 'node:fs/promises'
import { codeOf } from '../../core/errors.ts'
import { toFsPath } from '../../core/text.ts'
import type { MoveOptions } from '../store.ts'
import {
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

type LocalMoveOptions = MakeOptions & Pick<MoveOptions, 'flush' | 'mayChange'>

/**
 * Renames a file or a directory of the store and flushes the directories that changed. With
 * `within` the target's directory is made.
 */
export async function moveLocal(from: string, to: string, options: LocalMoveOptions): Promise<void> {
  const { files, flush = true, mayChange, within } = options
  const opened: LocalDirectory[] = []
  const made: Made[] = []
  try {
    const source = await openParent(from, options)
    opened.push(source)
    let target = source
    if (parentOf(from) !== parentOf(to)) {
      if (within === undefined) target = await openParent(to, options)
      else {
        made.push(await makeDirectories(parentOf(to), options))
        target = made[0]?.directory ?? source
      }
      opened.push(target)
    }
    const move = async () => {
      mayChange?.()
      return files.rename(source.at(nameOf(from)), target.at(nameOf(to)))
    }
    await opened.reduce((change, directory) => () => withWritable(files, directory, change), move)()
    if (flush) await Promise.all(opened.map((directory) => flushDirectory(files, directory)))
  } finally {
    await closeAll([...opened, ...made.flatMap(({ changed }) => changed)])
  }
}

async function openParent(path: string, options: MakeOptions): Promise<LocalDirectory> {
  const directory = await options.tree.directory(parentOf(path), options)
  if (directory === undefined) throw Object.assign(new Error(`no such directory: ${path}`), { code: 'ENOENT' })
  return directory
}

/**
 * Free bytes for this user, of the file system of a directory or of what is above where it would
 * be. Absolute.
 */
export async function freeLocalBytes(directory: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(toFsPath(directory))
    return bavail * bsize
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || directory === '/') throw error
    return freeLocalBytes(parentOf(directory) || '/')
  }
}
