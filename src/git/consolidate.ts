import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { inTemporaryDirectory } from '../core/work-directory.ts'
import { aliasDirectory } from '../ria/layout/alias-file.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import { readSmall } from '../store/read-small.ts'
import type { CallOptions } from '../store/store.ts'
import { git, isConnected } from './objects/git.ts'
import { addLoose } from './objects/loose-objects.ts'
import { packPath, putPack, uploadPack } from './objects/pack-files.ts'
import { addPacks, newRepository } from './objects/scratch-repository.ts'
import type { RefState } from './refs/ref-state.ts'

/**
 * More names than this are not kept in every generation: a clone that knows only older packs
 * downloads the new one whole.
 */
const MAX_MERGED = 2000

/** SHA-1, at the end of a pack. Bytes. */
const TRAILER_BYTES = 20

/**
 * Commits a state in the place of one; gives the state that was there when somebody else was
 * quicker.
 */
export type Replace = (current: RefState, next: RefState) => Promise<RefState | undefined>

/** What is to be put together: all that the refs need, or all objects of some packs. */
export type Selection = 'all' | readonly string[]

/**
 * Puts packs together into one, which is checked by git, uploaded, read back in part, and committed
 * in their place. The old ones are left to be removed later. Returns the pack's name, undefined
 * when nothing was left to pack. Throws when refs need what is not there: then nothing is changed.
 */
export async function consolidate(
  dataset: StoredDataset,
  state: RefState,
  selection: Selection,
  replace: Replace,
  call: CallOptions = {},
): Promise<string | undefined> {
  const merged = selection === 'all' ? state.packs : selection
  const ids = [...new Set(state.refs.values())]
  return inTemporaryDirectory(async (work) => {
    const signal = call.signal
    const from = await newRepository(work, 'from.git', signal)
    await addPacks(dataset, merged, work, from, call)
    if (selection === 'all') await addLoose(dataset, state.loose, from, call)
    if (selection === 'all' && !(await isConnected(ids, from))) {
      throw dataset.error('corrupt', 'gc', 'its packs lack objects that its refs need: nothing was changed')
    }
    const objects = selection === 'all' ? ids.map((id) => `${id}\n`).join('') : await allObjects(from, signal)
    const revs = selection === 'all' ? ['--revs'] : []
    const pack = (args: readonly string[]) =>
      git(['pack-objects', ...revs, '--non-empty', '--delta-base-offset', '-q', ...args, join(work, 'pack')], {
        input: objects,
        gitDir: from,
        signal,
      })
    const name = await uploadPack(dataset, work, [], pack, call)
    const checked = await newRepository(work, 'checked.git', signal)
    if (name !== undefined) {
      const file = join(work, `${name}.pack`)
      await git(['index-pack', '--stdin'], { input: { file }, gitDir: checked, signal })
      await requireUploaded(dataset, name, file, call)
      for (const alias of state.aliases) await putPack(dataset.at(aliasDirectory(alias)), work, name, call)
    }
    const isWhole = async (current: RefState) =>
      selection === 'all'
        ? isConnected([...new Set(current.refs.values())], checked)
        : (await allObjects(checked, signal)) === objects
    for (let current = state; ; ) {
      if (!(await isWhole(current))) {
        throw dataset.error('conflict', 'gc', 'others pushed what the packs that were put together lack: try again')
      }
      const newer = await replace(current, replacePacks(current, name, merged))
      if (newer === undefined) return name
      if (!merged.every((pack) => newer.packs.includes(pack))) {
        throw dataset.error('conflict', 'gc', 'somebody else puts its packs together, too')
      }
      const others = newer.packs.filter((pack) => !merged.includes(pack) && !current.packs.includes(pack))
      if (selection === 'all') await addPacks(dataset, others, work, checked, call)
      current = newer
    }
  })
}

function replacePacks(state: RefState, name: string | undefined, merged: readonly string[]): RefState {
  const packs = state.packs.filter((pack) => !merged.includes(pack))
  const names = merged.flatMap((pack) => [pack, ...(state.merged.get(pack) ?? [])]).filter((pack) => pack !== name)
  const kept = [...state.merged].filter(([pack]) => packs.includes(pack))
  const sources = [...new Set(names)].slice(0, MAX_MERGED)
  const whole = sources.length === new Set(names).size
  return {
    ...state,
    generation: state.generation + 1,
    loose: [],
    packs: name === undefined ? packs : [name, ...packs.filter((pack) => pack !== name)],
    merged: new Map(name === undefined || !whole ? kept : [...kept, [name, sources]]),
  }
}

/** The names of all objects of a repository, a line each, sorted. */
async function allObjects(gitDir: string, signal: AbortSignal | undefined): Promise<string> {
  const args = ['cat-file', '--batch-all-objects', '--batch-check=%(objectname)']
  return (await git(args, { gitDir, signal })).stdout
}

/** What is to take the place of others is looked at before it does. */
async function requireUploaded(dataset: StoredDataset, name: string, file: string, call: CallOptions) {
  const handle = await open(file)
  try {
    const { size } = await handle.stat()
    const trailer = Buffer.alloc(TRAILER_BYTES)
    await handle.read(trailer, 0, TRAILER_BYTES, size - TRAILER_BYTES)
    const range = { start: size - TRAILER_BYTES, end: size }
    const path = packPath(dataset.directory, name, 'pack')
    const stat = await dataset.store.stat(path, call)
    const there =
      stat?.size === size ? await readSmall(dataset.store, path, TRAILER_BYTES, { ...call, range }) : undefined
    if (!there?.equals(trailer)) throw dataset.error('corrupt', 'gc', `${name} is not what was uploaded`)
  } finally {
    await handle.close()
  }
}
