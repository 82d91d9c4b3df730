import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CloneCopies } from '../../../admin/repair/clone-copies.ts'
import type { GoodCopies } from '../../../admin/repair/good-copies.ts'
import { StoreCopies } from '../../../admin/repair/store-copies.ts'
import { ConfigError, isStoreError } from '../../../core/errors.ts'
import { run } from '../../../core/process/run.ts'
import { findDataset } from '../../../ria/layout/datasets.ts'
import { LAYOUT_FILE } from '../../../ria/layout/paths.ts'
import type { CallOptions, Store } from '../../../store/store.ts'
import { openNamedStore, parseStore, urlsOfName } from '../../open-store.ts'

/** Where good copies may be, as `--from` names it. */
export interface RepairSources {
  readonly clones: readonly CloneCopies[]
  /** All of them, for a dataset by its id. */
  of(id: string, call: CallOptions): Promise<readonly GoodCopies[]>
  /** Never rejects. */
  close(): Promise<void>
}

/** Opens what `--from` names. Throws ConfigError for what is no clone, no store and no remote. */
export async function openSources(names: readonly string[]): Promise<RepairSources> {
  const clones: CloneCopies[] = []
  const stores: Store[] = []
  const close = async () => {
    await Promise.all([...clones, ...stores].map((each) => each.close()))
  }
  try {
    for (const name of names) {
      if (await isStore(name)) stores.push(await openNamedStore(await parseStore(name)))
      else clones.push(await openClone(name))
    }
  } catch (error) {
    await close()
    throw error
  }
  const of = async (id: string, call: CallOptions): Promise<readonly GoodCopies[]> => {
    const found = await Promise.all(stores.map((store) => copiesIn(store, id, call)))
    return [...clones, ...found.filter((copies) => copies !== undefined)]
  }
  return { clones, of, close }
}

async function isStore(name: string): Promise<boolean> {
  if (name.startsWith('ria+')) return true
  const isThere = (path: string) =>
    stat(path).then(
      () => true,
      () => false,
    )
  if (await isThere(join(name, LAYOUT_FILE))) return true
  return !(await isThere(name)) && (await urlsOfName(name)) !== undefined
}

async function openClone(name: string): Promise<CloneCopies> {
  const found = await stat(name).catch(() => undefined)
  if (found?.isDirectory()) return CloneCopies.open(name)
  const { code } = await run('git', ['config', `remote.${name}.annex-uuid`])
  if (code === 0) return CloneCopies.open('.', name)
  throw new ConfigError(
    `--from ${JSON.stringify(name)} is no clone, no store, and no remote of the clone that we are in`,
  )
}

async function copiesIn(store: Store, id: string, call: CallOptions): Promise<StoreCopies | undefined> {
  try {
    return new StoreCopies(await findDataset(store, id, call))
  } catch (error) {
    if (!isStoreError(error, 'missing')) throw error
    return undefined
  }
}
