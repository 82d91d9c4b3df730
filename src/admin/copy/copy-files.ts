import { bufferSource } from '../../core/source.ts'
import { makeBare } from '../../git/make-bare.ts'
import { LAYOUT_FILE } from '../../ria/layout/paths.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Sharing } from '../../store/store.ts'
import { isTemporaryName } from '../../store/temporary.ts'
import { copyFile } from './copy-file.ts'

/** No layout file is longer. Bytes. */
const SMALL_FILE_BYTES = 1024 * 1024

/** What git writes itself, where it works. */
const GITS_OWN = /^(HEAD|packed-refs|[A-Z_]*_HEAD|gc\.(pid|log)|shallow|.*\.lock)$/

/**
 * Makes the bare repository of a copy that nobody sees yet, and copies the files that lie beside
 * git's own: its configuration, its description, and whatever else somebody put there. Hooks are
 * programs, and are not copied. Returns their bytes.
 */
export async function copyFiles(from: StoredDataset, copy: StoredDataset, call: CallOptions): Promise<number> {
  await makeBare(copy, call)
  let bytes = 0
  for (const directory of [from.directory, from.path('info')]) {
    for await (const { path, file } of from.store.children(directory, call)) {
      const name = path.slice(from.directory.length + 1)
      if (file === undefined || name === LAYOUT_FILE || name === 'info/refs') continue
      if (GITS_OWN.test(name) || isTemporaryName(name)) continue
      await copyFile({ from: from.store, to: copy.store, path, stat: file }, { ...call, within: copy.directory })
      bytes += file.size
    }
  }
  return bytes
}

/** The last step: a program that finds this file finds a whole dataset. */
export async function showDataset(
  from: StoredDataset,
  copy: StoredDataset,
  { sharing, ...call }: CallOptions & { readonly sharing: Sharing | undefined },
): Promise<void> {
  const text = await from.readSmall(LAYOUT_FILE, SMALL_FILE_BYTES, call)
  await copy.store.put(copy.path(LAYOUT_FILE), bufferSource(text), { ...call, within: copy.directory, sharing })
}
