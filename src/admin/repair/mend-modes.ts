import { isStoreError } from '../../core/errors.ts'
import { chunksOf } from '../../core/parallel.ts'
import { decode } from '../../core/text.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Sharing } from '../../store/store.ts'
import { rightMode } from '../check/check-keys.ts'
import { type LooseFile, looseFiles } from '../inventory/count-keys.ts'
import type { Bench } from './bench.ts'
import type { Outcome } from './repaired.ts'

/** So many names go on one command line. */
const AT_ONCE = 200

/**
 * Gives loose keys the modes that they should have: by chmod where programs can be run, else each
 * is stored anew, read back, and put in its place. Throws StoreError.
 */
export async function mendModes(
  bench: Bench,
  sharing: Sharing | undefined,
): Promise<{ readonly outcome: Outcome; readonly how: string }> {
  const closed = await closedKeys(bench.dataset, sharing, bench.call)
  const isDone = await changeModes(bench.dataset, closed, bench.call)
  if (!isDone) await storeAnew(bench, closed)
  const left = (await closedKeys(bench.dataset, sharing, bench.call)).size
  const [done, all] = [closed.size - left, `${closed.size} of them`]
  if (left === 0) return { outcome: 'mended', how: `${all} have the mode now that they should have` }
  return { outcome: 'left', how: `${done} of ${all} were given another mode; the owner has to do the rest` }
}

/** By the mode that they should have. */
async function closedKeys(dataset: StoredDataset, sharing: Sharing | undefined, call: CallOptions) {
  const closed = new Map<LooseFile, number>()
  for await (const file of looseFiles(dataset, call)) {
    const { permissions } = file.entry
    const mode = permissions && rightMode(permissions, sharing)
    if (mode !== undefined && mode !== permissions?.mode) closed.set(file, mode)
  }
  return closed
}

/**
 * False where no program can be run, or where it would be root's: chmod follows a link that
 * somebody puts in the way of a key just then, to files that only root may change.
 */
async function changeModes(dataset: StoredDataset, closed: ReadonlyMap<LooseFile, number>, call: CallOptions) {
  if (!dataset.store.traits.exec || closed.size === 0 || (await isRootThere(dataset, call))) return false
  for (const mode of new Set(closed.values())) {
    const paths = [...closed].filter(([, wanted]) => wanted === mode).map(([{ place }]) => `annex/objects/${place}`)
    for (const some of chunksOf(paths, AT_ONCE)) {
      const command = ['chmod', mode.toString(8).padStart(4, '0'), '--', ...some]
      try {
        await dataset.store.exec(command, { ...call, cwd: dataset.directory })
      } catch (error) {
        if (!isStoreError(error, 'unsupported')) throw error
        return false
      }
    }
  }
  return true
}

async function isRootThere({ store, directory }: StoredDataset, call: CallOptions): Promise<boolean> {
  try {
    const { code, stdout } = await store.exec(['id', '-u'], { ...call, cwd: directory })
    return code !== 0 || decode(stdout).trim() === '0'
  } catch (error) {
    if (!isStoreError(error, 'unsupported')) throw error
    return true // whoever it is, no program can be run
  }
}

async function storeAnew(bench: Bench, closed: ReadonlyMap<LooseFile, number>): Promise<void> {
  for (const { key, entry } of closed.keys()) {
    const staged = await bench.stageCopy(entry, key)
    if (staged !== undefined) await bench.putInPlace(staged, entry.path)
  }
}
