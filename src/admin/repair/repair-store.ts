import { isStoreError, messageOf } from '../../core/errors.ts'
import { bufferSource } from '../../core/source.ts'
import { removeAlias } from '../../git/alias.ts'
import { LAYOUT_FILE } from '../../ria/layout/paths.ts'
import { placesOf } from '../../ria/layout/places.ts'
import { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { whyHidden } from '../check/half-dataset.ts'
import type { Problem } from '../check/problem.ts'
import { looseFiles } from '../inventory/count-keys.ts'
import type { Repaired, TellRepaired } from './repaired.ts'

export interface RepairStoreOptions extends CallOptions {
  readonly dryRun?: boolean | undefined
}

/** Mends what belongs to no single dataset: aliases, and datasets without a layout file. */
export async function repairStore(
  store: Store,
  problems: readonly Problem[],
  tell: TellRepaired,
  { dryRun = false, ...call }: RepairStoreOptions = {},
): Promise<void> {
  for (const problem of problems) {
    const mend = mending(problem)
    try {
      tell({ problem, ...(mend === undefined ? left(problem) : await mend(store, problem, dryRun, call)) })
    } catch (error) {
      if (call.signal?.aborted || !isStoreError(error, 'denied', 'conflict', 'missing', 'corrupt', 'unsupported'))
        throw error
      tell({ problem, outcome: 'left', how: messageOf(error) })
    }
  }
}

type Mended = Omit<Repaired, 'problem'>
type Mend = (store: Store, problem: Problem, dryRun: boolean, call: CallOptions) => Promise<Mended>

function mending({ code }: Problem): Mend | undefined {
  if (code === 'alias-dangling') return mendAlias
  if (code === 'half-dataset') return mendHalf
  return undefined
}

export function left({ mend }: Problem): Mended {
  return { outcome: 'left', how: mend }
}

/** It leads nowhere: nobody finds anything by it. */
async function mendAlias(store: Store, { path }: Problem, dryRun: boolean, call: CallOptions): Promise<Mended> {
  if (!dryRun) await removeAlias(store, path.slice('alias/'.length), call)
  return { outcome: 'mended', how: 'the alias is taken away' }
}

/** Where keys lie tells the layout; without one it makes no difference. */
async function mendHalf(store: Store, problem: Problem, dryRun: boolean, call: CallOptions): Promise<Mended> {
  const dataset = new StoredDataset(store, problem.path)
  const versions = new Set<string>()
  for await (const { key, place } of looseFiles(dataset, call)) {
    for (const version of ['1', '2']) if (placesOf(key, version).includes(place)) versions.add(version)
  }
  const [version = '2', ...others] = versions
  if (others.length > 0) return { outcome: 'left', how: 'its keys lie in places of both layout versions' }
  const why = await whyHidden(store, problem.path, call)
  if (why !== undefined) return { outcome: 'left', how: why }
  const file = dataset.path(LAYOUT_FILE)
  if (!dryRun) {
    const ifAbsent = store.traits.putIfAbsent === 'atomic'
    await store.put(file, bufferSource(`${version}\n`), { ...call, within: problem.path, ifAbsent })
  }
  return { outcome: 'mended', how: `${LAYOUT_FILE} says ${version} now` }
}
