import { stateOf } from '../../git/copy-refs.ts'
import { refsNotIn } from '../../git/objects/has-all.ts'
import { archivePath } from '../../ria/layout/paths.ts'
import { fileNameOf, objectsDirectory } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import { isTemporaryName } from '../../store/temporary.ts'
import { isSameArchive } from './copy-archive.ts'
import { KeysThere } from './keys-there.ts'

export interface Late {
  readonly keys: number
  readonly archive: boolean
  readonly refs: readonly string[]
}

/**
 * What an original has that its copy has not: loose keys, another archive, and refs that are not
 * there, or lack commits.
 */
export async function onlyInOriginal(original: StoredDataset, copy: StoredDataset, call: CallOptions): Promise<Late> {
  const there = await KeysThere.open(copy, call)
  const top = objectsDirectory(original.directory)
  let keys = 0
  for await (const { path, size } of original.store.list(top, call)) {
    if (isTemporaryName(fileNameOf(path))) continue
    const place = path.slice(top.length + 1)
    if ((await there.near(place)).get(place)?.size !== size) keys += 1
  }
  const archived = await original.store.stat(archivePath(original.directory), call)
  const archive = archived !== undefined && !(await isSameArchive(original, archived, copy, call))
  const refs = await refsNotIn(await stateOf(original, call), copy, await stateOf(copy, call), call)
  return { keys, archive, refs }
}
