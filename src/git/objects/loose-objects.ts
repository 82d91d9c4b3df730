import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isStoreError } from '../../core/errors.ts'
import { forEachParallel } from '../../core/parallel.ts'
import { inTemporaryDirectory } from '../../core/work-directory.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import type { RefState } from '../refs/ref-state.ts'
import { git } from './git.ts'
import { loosePlace } from './is-whole-loose.ts'
import { download, uploadPack } from './pack-files.ts'
import { newRepository } from './scratch-repository.ts'

/** So many of them are downloaded at once: most are small. */
const DOWNLOADS = 16

/**
 * Downloads loose objects into a repository of ours, as they are, and gives the ids of those that
 * were there: git may have packed others since they were listed.
 */
export async function addLoose(
  dataset: StoredDataset,
  ids: readonly string[],
  gitDir: string,
  call: CallOptions,
): Promise<string[]> {
  const found: string[] = []
  await forEachParallel(ids, Math.min(DOWNLOADS, dataset.store.traits.maxInFlight), async (id) => {
    const place = loosePlace(id)
    await mkdir(dirname(join(gitDir, place)), { recursive: true })
    try {
      await download(dataset.store, dataset.path(place), join(gitDir, place), call)
      found.push(id)
    } catch (error) {
      if (!isStoreError(error, 'missing')) throw error
    }
  })
  return found
}

/**
 * Packs loose objects as files in `work`, and gives the pack's path; undefined when all of them are
 * gone. git looks at each: one that is not what its name says is an error when the pack is read.
 */
export async function packLoose(
  dataset: StoredDataset,
  ids: readonly string[],
  work: string,
  call: CallOptions,
): Promise<string | undefined> {
  const gitDir = await newRepository(work, 'loose.git', call.signal)
  const found = await addLoose(dataset, ids, gitDir, call)
  if (found.length === 0) return undefined
  const name = (await packObjects(found, gitDir, join(work, 'loose'), [], call)).stdout.trim()
  return join(work, `loose-${name}.pack`)
}

/**
 * Puts a pack of a repository's loose objects beside its packs, so that these are all of it: only
 * packs are named by a generation. Returns the state with that pack.
 */
export async function withLoosePacked(dataset: StoredDataset, state: RefState, call: CallOptions): Promise<RefState> {
  if (state.loose.length === 0) return state
  return inTemporaryDirectory(async (work) => {
    const gitDir = await newRepository(work, 'loose.git', call.signal)
    const found = await addLoose(dataset, state.loose, gitDir, call)
    if (found.length < state.loose.length) {
      const message = 'git packed objects of the repository while they were read: try again'
      throw dataset.error('conflict', 'push', message)
    }
    const pack = (args: readonly string[]) => packObjects(found, gitDir, join(work, 'pack'), args, call)
    const name = await uploadPack(dataset, work, state.packs, pack, call)
    const isNew = name !== undefined && !state.packs.includes(name)
    return { ...state, loose: [], packs: isNew ? [...state.packs, name] : state.packs }
  })
}

function packObjects(
  ids: readonly string[],
  gitDir: string,
  prefix: string,
  args: readonly string[],
  { signal }: CallOptions,
) {
  const input = ids.map((id) => `${id}\n`).join('')
  return git(['pack-objects', '--delta-base-offset', '-q', ...args, prefix], { input, gitDir, signal })
}
