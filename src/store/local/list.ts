import type { Stats } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Files, OpenDirectory } from '../../core/files.ts'
import { decode } from '../../core/text.ts'
import type { Access } from '../common/links.ts'
import type { Entry, Permissions } from '../store.ts'
import type { LocalDirectory } from './directory.ts'
import { isAbsent } from './errors.ts'
import { toStat } from './stat.ts'
import type { Disk } from './tree.ts'

/** A directory that is being read. */
export interface Listing {
  readonly directory: LocalDirectory
  readonly names: OpenDirectory
  close(): Promise<void>
}

/** Undefined when there is no such directory. */
export async function openToList({ files, tree }: Disk, path: string, asked: Access): Promise<Listing | undefined> {
  const directory = await tree.directory(path, asked)
  if (directory === undefined) return undefined
  try {
    const names = await files.openDirectory(directory.self)
    const close = async () => {
      await names.close()
      await directory.close()
    }
    return { directory, names, close }
  } catch (error) {
    await directory.close()
    if (isAbsent(error)) return undefined
    throw error
  }
}

/** So many names are read in one call. */
const PART_ENTRIES = 256

/**
 * Reads on in a directory; `path` is the directory's, from the root. Only regular files are files:
 * a link is none.
 */
export async function readPart(files: Files, { directory, names }: Listing, path: string) {
  const entries: Entry[] = []
  const directories: string[] = []
  await nextTurn() // on a disk of this machine nothing else here lets others go on
  for (let n = 0; n < PART_ENTRIES; n++) {
    const found = await names.read()
    if (found === null) return { entries, directories, ended: true }
    const name = decode(found.name)
    const below = path === '' ? name : `${path}/${name}`
    if (found.isDirectory()) directories.push(below)
    else {
      const stats = await files.lstat(directory.at(name))
      if (stats?.isFile()) entries.push({ path: below, ...toStat(stats), permissions: permissionsOf(stats) })
    }
  }
  return { entries, directories, ended: false }
}

function permissionsOf({ uid, gid, mode }: Stats): Permissions {
  return { uid, gid, mode: mode & 0o7777 }
}
