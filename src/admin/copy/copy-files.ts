import { formatGitConfig, parseGitConfig } from '../../core/git-config.ts'
import { bufferSource } from '../../core/source.ts'
import { makeBare } from '../../git/make-bare.ts'
import { LAYOUT_FILE } from '../../ria/layout/paths.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Sharing } from '../../store/store.ts'
import { isTemporaryName } from '../../store/temporary.ts'
import { copyFile } from './copy-file.ts'

/** No layout file is longer. Bytes. */
const SMALL_FILE_BYTES = 1024 * 1024

/** What git writes itself, where it works, and what leads it to files elsewhere. */
const GITS_OWN =
  /^(HEAD|packed-refs|[A-Z_]*_HEAD|gc\.(pid|log)|shallow|.*\.lock|commondir|gitdir|config\.worktree|info\/grafts)$/

/**
 * Settings of a bare repository by which git starts no program, nor reads files elsewhere. Whoever
 * copies owns the copy, where git trusts its configuration; who wrote the original may be anybody.
 */
const HARMLESS =
  /^(core\.(repositoryformatversion|filemode|bare|sharedrepository|logallrefupdates|ignorecase|precomposeunicode|symlinks)|annex\.(uuid|version)|datalad\.ora-remote\.(.+\.)?uuid|receive\.(autogc|denycurrentbranch|denydeletes|denydeletecurrent|denynonfastforwards|fsckobjects|maxinputsize)|transfer\.(fsckobjects|hiderefs)|gc\.(auto|autopacklimit|pruneexpire|reflogexpire)|gitlab\..+|extensions\.objectformat)$/

/**
 * Makes the bare repository of a copy that nobody sees yet, and copies the files that lie beside
 * git's own: its configuration, its description, and whatever else somebody put there. Hooks are
 * programs, and are not copied, nor are settings by which git would start some. Returns the names
 * of the settings that were left out.
 */
export async function copyFiles(
  from: StoredDataset,
  copy: StoredDataset,
  call: CallOptions,
): Promise<readonly string[]> {
  await makeBare(copy, call)
  const leftOut: string[] = []
  for (const directory of [from.directory, from.path('info')]) {
    for await (const { path, file } of from.store.children(directory, call)) {
      const name = path.slice(from.directory.length + 1)
      if (file === undefined || name === LAYOUT_FILE || name === 'info/refs') continue
      if (GITS_OWN.test(name) || isTemporaryName(name)) continue
      if (name === 'config') leftOut.push(...(await copyConfig(from, copy, call)))
      else await copyFile({ from: from.store, to: copy.store, path, stat: file }, { ...call, within: copy.directory })
    }
  }
  return leftOut
}

/** As it is, where it has nothing but what is harmless. */
async function copyConfig(from: StoredDataset, copy: StoredDataset, call: CallOptions): Promise<string[]> {
  const text = await from.readSmall('config', SMALL_FILE_BYTES, call)
  const config = await parseGitConfig(text, from.where(from.path('config')))
  const keys = [...config.keys()]
  const leftOut = keys.filter((key) => !HARMLESS.test(key))
  const kept = keys
    .filter((key) => HARMLESS.test(key))
    .flatMap((key) => config.all(key).map((value) => [key, value] as const))
  const bytes = leftOut.length === 0 ? text : Buffer.from(formatGitConfig(kept))
  await copy.store.put(copy.path('config'), bufferSource(bytes), { ...call, within: copy.directory })
  return leftOut
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
