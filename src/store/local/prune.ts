import { codeOf } from '../../core/errors.ts'
import type { Files } from '../../core/files.ts'
import { nameOf, parentOf, withWritable } from './directories.ts'
import type { LocalDirectory } from './directory.ts'
import type { LocalTree } from './tree.ts'

/**
 * Removes a directory and those above it, up to `count`, as long as they are empty. `opened`: the
 * first of them, where it is open. Returns those that are gone.
 */
export async function pruneAbove(
  files: Files,
  tree: LocalTree,
  path: string,
  count: number,
  opened: LocalDirectory | undefined,
): Promise<string[]> {
  const removed: string[] = []
  // Up from where a link leads is another directory than up from the link.
  const below = opened !== undefined && opened.plainParts >= count ? opened : undefined
  for (let child = path; removed.length < count && child !== ''; child = parentOf(child)) {
    const isGone =
      (await pruneFromBelow(files, below, removed.length, child)) ?? (await pruneByPath(files, tree, child))
    if (!isGone) break
    removed.push(child)
  }
  return removed
}

/** What is said of a directory that is not empty. */
export const NOT_EMPTY = new Set(['ENOTEMPTY', 'EEXIST'])

/**
 * By one call, where to open the directory above takes four. An empty directory goes, of this name,
 * and nothing else, wherever somebody may have moved the open one meanwhile. Undefined when its
 * path has to tell.
 */
async function pruneFromBelow(
  files: Files,
  opened: LocalDirectory | undefined,
  levels: number,
  path: string,
): Promise<boolean | undefined> {
  const named = opened?.above(levels + 1, nameOf(path))
  if (named === undefined) return undefined
  try {
    await files.rmdir(named)
    return true
  } catch (error) {
    return NOT_EMPTY.has(codeOf(error) ?? '') ? false : undefined
  }
}

/** False when it is not empty, or not ours to remove: what was in it is gone, that was asked. */
async function pruneByPath(files: Files, tree: LocalTree, path: string): Promise<boolean> {
  let directory: LocalDirectory | undefined
  try {
    directory = await tree.directory(parentOf(path), { op: 'remove', strict: true })
    if (directory === undefined) return false
    const above = directory
    await withWritable(files, above, () => files.rmdir(above.at(nameOf(path))))
    return true
  } catch {
    return false
  } finally {
    await directory?.close()
  }
}
