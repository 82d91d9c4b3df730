import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { SeenGood } from '../../admin/check/seen-good.ts'
import { inventoryFile } from '../../admin/inventory/kept-inventory.ts'
import { indicesOf } from '../../archive/index/archive-id.ts'
import { cacheDirectory } from '../../core/cache-directory.ts'
import { codeOf } from '../../core/errors.ts'
import { Places } from '../../mount/cache/places.ts'
import { archivePath } from '../../ria/layout/paths.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'

/** What became of what commands had kept on this machine for who runs this one. */
export interface ForgottenCaches {
  /** That were removed. */
  readonly files: number
  /** Of those. */
  readonly bytes: number
  /** Files that could not be removed, or that a folder which is mounted is filling. */
  readonly left: number
}

/**
 * Removes what commands keep on this machine of a dataset, by this URL of its store: names of keys
 * in its archive, which keys were found good, what `stat` counted in the store; and all content
 * that was read through folders, of whatever dataset, for it is kept by key.
 */
export async function forgetCaches({ store, directory }: StoredDataset): Promise<ForgottenCaches> {
  const { root } = store.traits
  const top = cacheDirectory()
  const isIndex = indicesOf(root, archivePath(directory))
  const indices: string[] = []
  for (const place of [top, join(top, 'archives')]) {
    const names = await readdir(place).catch(() => [])
    indices.push(...names.filter(isIndex).map((name) => join(place, name)))
  }
  const places = new Places(join(top, 'mount'))
  const read = places.all()
  const inUse = read.filter((path) => places.isPart(path) === 'of another')
  const free = read.filter((path) => !inUse.includes(path))
  const seen = SeenGood.fileOf(join(top, 'checked'), { store, directory })
  let [files, bytes, left] = [0, 0, inUse.length]
  for (const file of [...indices, seen, inventoryFile(root), ...free]) {
    try {
      const { size } = await stat(file)
      await rm(file)
      files += 1
      bytes += size
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') left += 1
    }
  }
  places.removeEmpty()
  return { files, bytes, left }
}
