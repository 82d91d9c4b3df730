import { isStoreError } from '../../core/errors.ts'
import { bufferSource } from '../../core/source.ts'
import { readText } from '../../git/refs/views.ts'
import { StoredRepository } from '../../git/repository.ts'
import { SIBLING_UUID, setRepositoryConfig } from '../../git/repository-config.ts'
import { requireAtomicPuts } from '../../ria/layout/atomic-puts.ts'
import { LAYOUT_FILE } from '../../ria/layout/paths.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { parseSharing } from '../../store/sharing.ts'
import type { CallOptions } from '../../store/store.ts'
import { NEW_LAYOUT, type RepositoryWish } from './repository-wish.ts'

/**
 * Writes what makes a directory a bare repository where git cannot be run; the first push adds the
 * rest.
 */
export async function makeByFiles(dataset: StoredDataset, wish: RepositoryWish, call: CallOptions): Promise<void> {
  const sharing = parseSharing(wish.shared)
  const options = { ...call, sharing }
  const putNew = async (name: string, text: string): Promise<boolean> => {
    try {
      await dataset.store.put(dataset.path(name), bufferSource(text), { ...options, ifAbsent: true })
      return true
    } catch (error) {
      if (isStoreError(error, 'conflict')) return false
      throw error
    }
  }
  await requireAtomicPuts(dataset, 'make', call)
  const files = Object.entries(filesOf(wish))
  for (const [name, text] of files) {
    if (await putNew(name, text)) continue
    // The first of its files decides who makes it.
    if (wish.isNew && (name === 'config' || !wish.git))
      throw dataset.error('conflict', 'make', 'somebody else made it just now')
    if (name === 'config' && wish.uuid !== undefined) {
      await setRepositoryConfig(dataset, SIBLING_UUID, wish.uuid, options)
    }
  }
}

/** Removes the repository, unless something came into it. */
export async function removeByFiles(
  dataset: StoredDataset,
  wish: RepositoryWish,
  isWhole: boolean,
  call: CallOptions,
): Promise<string | undefined> {
  const { store, directory } = dataset
  // What is not whole may be that of somebody who began at the same time: theirs has another uuid.
  const config = await readText(store, dataset.path('config'), call)
  if (!isWhole && (config === undefined || config !== filesOf(wish).config)) return undefined
  const left = (what: string) => `${dataset.where()} was left: it is in use (${what})`
  const found: string[] = []
  for await (const entry of store.list(directory, call)) {
    if (IN_USE.test(entry.path.slice(directory.length + 1))) return left(entry.path)
    found.push(entry.path)
  }
  for (const name of await refsOf(dataset, call)) return left(name)
  // Without its layout file nobody takes it for a dataset any more.
  const layout = dataset.path(LAYOUT_FILE)
  for (const file of [layout, ...found.filter((each) => each !== layout)]) {
    await store.remove(file, { ...call, pruneParents: file.split('/').length - 1 })
  }
  return undefined
}

async function refsOf(dataset: StoredDataset, call: CallOptions): Promise<Iterable<string>> {
  try {
    const { refs } = await new StoredRepository(dataset, {
      gitDir: undefined,
      shows: false,
    }).state(call)
    return refs.keys()
  } catch (error) {
    if (isStoreError(error, 'missing')) return [] // it did not get that far
    throw error
  }
}

/** Keys, archives and objects. */
const IN_USE = /^(annex|archives|objects\/pack|objects\/[0-9a-f]{2})\//

/** In the order in which they are written. */
function filesOf({ git, uuid, shared, branch }: RepositoryWish): Readonly<Record<string, string>> {
  if (!git) return { [LAYOUT_FILE]: NEW_LAYOUT }
  return {
    config: configOf(uuid, shared),
    description: 'Pushed to by riastore\n',
    HEAD: `ref: refs/heads/${branch ?? 'main'}\n`,
    // git wants these directories, object stores have none; a name with a dot is no ref.
    'refs/.keep': '',
    'objects/info/packs': '\n',
    'info/refs': '',
    [LAYOUT_FILE]: NEW_LAYOUT,
  }
}

function configOf(uuid: string | undefined, shared: string | undefined): string {
  const sharing = shared === undefined ? undefined : sharedRepository(shared)
  return [
    '[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n',
    ...(sharing === undefined
      ? []
      : [`\tsharedrepository = ${sharing}\n`, '[receive]\n\tdenyNonFastforwards = true\n']),
    ...(uuid === undefined ? [] : [`[datalad "ora-remote"]\n\tuuid = ${uuid}\n`]),
  ].join('')
}

/** As `git init --shared` writes it. */
function sharedRepository(shared: string): string | undefined {
  if (/^(false|umask)$/i.test(shared)) return undefined
  if (/^(true|group)$/i.test(shared)) return '1'
  return /^0/.test(shared) ? shared : '2'
}
