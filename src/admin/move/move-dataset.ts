import { join } from 'node:path'
import { inTemporaryDirectory } from '../../core/work-directory.ts'
import { showNewest } from '../../git/copy-refs.ts'
import { requireRemovable } from '../../ria/layout/append-only.ts'
import { realDataset } from '../../ria/layout/datasets.ts'
import { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { checkDataset } from '../check/check-dataset.ts'
import type { Problem } from '../check/problem.ts'
import { SeenGood } from '../check/seen-good.ts'
import { type CopyDatasetOptions, type CopyReport, copyDataset } from '../copy/copy-dataset.ts'
import { nameOf, PLACE_RECORD } from '../copy/record-place.ts'
import { requireTwoPlaces } from '../copy/same-place.ts'
import { removeDataset } from '../trash/remove-dataset.ts'
import { finishMove, movedEntry } from './finish-move.ts'
import { type Gone, lateIn, type NewPlace, recordMove } from './new-place.ts'

/** So often clients may store or push between two looks. */
const ROUNDS = 5

export interface MoveDatasetOptions extends Pick<CopyDatasetOptions, 'signal' | 'aliases' | 'aliasesThere' | 'onKeys'> {
  readonly place: NewPlace
  /** So long the original can be brought back. ms. */
  readonly keepMs: number
  readonly breakLock?: boolean | undefined
  /** Called with the bytes of each key of the copy that was read. */
  readonly onRead?: ((bytes: number) => void) | undefined
}

/** What was found that keeps a dataset where it is. */
export interface Stays {
  readonly outcome: 'stays'
  readonly problems: readonly string[]
  /** In the copy. */
  readonly damages: readonly Problem[]
}

export interface Moved extends Gone {
  readonly outcome: 'moved'
  /** Undefined where a run that was broken off had copied it. */
  readonly copied: CopyReport | undefined
}

/**
 * Copies a dataset into another store, reads all of the copy, copies what came meanwhile, and puts
 * the original into the trash of its store: where all of it is in the copy, and else it stays. A
 * run that was killed is gone on with by the same again. Throws StoreError.
 */
export async function moveDataset(
  given: StoredDataset,
  to: Store,
  { place, keepMs, breakLock, onRead, ...options }: MoveDatasetOptions,
): Promise<Moved | Stays> {
  const call = { signal: options.signal }
  const before = await movedEntry(given, place.url, call)
  if (before !== undefined) {
    const copy = new StoredDataset(to, before.directory, given.name)
    const finished = await finishMove(given.store, before, copy, { ...call, place, breakLock })
    return { outcome: 'moved', copied: undefined, ...finished }
  }
  const dataset = await realDataset(given, call)
  const copy = new StoredDataset(to, dataset.directory, given.name)
  const stays = (problems: readonly string[], damages: readonly Problem[] = []): Stays => ({
    outcome: 'stays',
    problems,
    damages,
  })
  await requireRemovable(dataset, 'move', call) // before hours of copying, and again when it goes
  const bring = () => copyDataset(dataset, to, { ...options, madeAgain: PLACE_RECORD })
  const first = await bring()
  await requireTwoPlaces(dataset, copy, call) // also where only this one is a link into DST
  if (hindering(first.problems).length > 0) return stays(first.problems)
  await showNewest(copy, call)
  const damages = await readAll(copy, onRead, call)
  if (damages.length > 0) return stays([], damages)
  for (let round = 1, report = first; round === 1 || isNew(report); round++) {
    if (round > ROUNDS) return stays(['others store in it all the time: try again later'])
    report = await bring()
    if (hindering(report.problems).length > 0) return stays(report.problems)
  }
  const aliases = options.aliases.filter(({ directory }) => directory === dataset.directory).map(({ name }) => name)
  // Before it goes: afterwards only what is in the trash would tell that this was not done.
  const recorded = await recordMove(copy, place, call)
  const movedTo = { url: place.url, sibling: recorded.sibling && nameOf(recorded.sibling) }
  const entry = await removeDataset(dataset, { ...call, aliases, keepMs, breakLock, movedTo })
  const late = await lateIn(dataset.store, entry, copy, call)
  return { outcome: 'moved', copied: first, entry, late, ...recorded }
}

const isNew = ({ keys, archiveBytes, refs }: CopyReport) => keys + archiveBytes + refs > 0

/** What was left out of a configuration is told, and hinders nothing. */
function hindering(problems: readonly string[]): readonly string[] {
  return problems.filter((problem) => !problem.startsWith('its configuration was copied without'))
}

/** Reads all keys of the copy, whatever was read before, and looks at all else of it. */
function readAll(
  copy: StoredDataset,
  onChecked: ((bytes: number) => void) | undefined,
  call: CallOptions,
): Promise<readonly Problem[]> {
  return inTemporaryDirectory(async (directory) => {
    const found: Problem[] = []
    const data = { seenGood: await SeenGood.load(join(directory, 'checked'), copy), onChecked }
    const seen = await checkDataset(copy, (problem) => found.push(problem), { ...call, data })
    if (found.length === 0 && (seen.left ?? 0) > 0)
      throw copy.error('transient', 'move', `${seen.left} keys could not be read`)
    return found
  })
}
