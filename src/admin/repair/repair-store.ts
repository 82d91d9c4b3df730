import { isStoreError, messageOf } from '../../core/errors.ts'
import { bufferSource } from '../../core/source.ts'
import { removeAlias, requireRemovableAlias, takeAliasAway } from '../../git/alias.ts'
import { aliasFile, readAlias } from '../../ria/layout/alias-file.ts'
import { directoryOfLink, readAliasLink } from '../../ria/layout/alias-link.ts'
import { LAYOUT_FILE } from '../../ria/layout/paths.ts'
import { fileNameOf, placesOf } from '../../ria/layout/places.ts'
import { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import { whyHidden } from '../check/half-dataset.ts'
import type { Problem } from '../check/problem.ts'
import { looseFiles } from '../inventory/count-keys.ts'
import { quarantineStamp } from './quarantine-stamp.ts'
import type { Mended, TellRepaired } from './repaired.ts'

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

type Mend = (store: Store, problem: Problem, dryRun: boolean, call: CallOptions) => Promise<Mended>

function mending({ code }: Problem): Mend | undefined {
  if (code === 'alias-dangling') return mendAlias
  if (code === 'alias-unreadable') return mendUnreadable
  if (code === 'half-dataset') return mendHalf
  return undefined
}

export function left({ mend }: Problem): Mended {
  return { outcome: 'left', how: mend }
}

/** It leads nowhere: nobody finds anything by it. */
async function mendAlias(store: Store, { path }: Problem, dryRun: boolean, call: CallOptions): Promise<Mended> {
  const name = path.slice('alias/'.length)
  await (dryRun ? requireRemovableAlias : removeAlias)(store, name, call)
  return { outcome: 'mended', how: 'the alias is taken away' }
}

/**
 * What it says is kept in `quarantine/` of the store. The dataset that counts the name as its own
 * gets it back when that is repaired; no other record tells whose it was.
 */
async function mendUnreadable(store: Store, { path }: Problem, dryRun: boolean, call: CallOptions): Promise<Mended> {
  const name = fileNameOf(path)
  const to = `quarantine/${quarantineStamp()}/${path}`
  const file = aliasFile(name)
  const again = 'riastore alias add gives the name again, unless a dataset counts it as its own'
  await requireRemovableAlias(store, name, call)
  const kept = { outcome: 'quarantined', how: `what it said is kept as ${to}; ${again}` } as const
  if (await isTorn(store, name, call)) {
    if (!dryRun) await store.move(file, `${to}/${fileNameOf(file)}`, { ...call, within: '' })
    return kept
  }
  const target = await readAliasLink(store, name, call)
  if (target === undefined || directoryOfLink(target) !== undefined) return { outcome: 'mended', how: 'it is gone' }
  if (dryRun) return kept
  await store.put(`${to}/link`, bufferSource(target), call)
  await takeAliasAway(store, name, call)
  return kept
}

/** Whether the file of an alias names no dataset. */
async function isTorn(store: Store, name: string, call: CallOptions): Promise<boolean> {
  try {
    await readAlias(store, name, call)
    return false
  } catch (error) {
    if (!isStoreError(error, 'corrupt')) throw error
    return true
  }
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
