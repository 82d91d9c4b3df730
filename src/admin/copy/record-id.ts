import { parseRemoteLog, withRemote } from '../../core/records/annex-logs.ts'
import { amendBranch } from '../../git/amend-branch.ts'
import { ANNEX_BRANCH } from '../../git/annex-records.ts'
import type { BranchFiles } from '../../git/branch-files.ts'
import { readRepositoryConfig, SIBLING_UUID } from '../../git/repository-config.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'

const REMOTES = 'remote.log'

export interface RecordedId {
  /** What git-annex calls the storage sibling, where it knew it by the old id. */
  readonly name: string | undefined
  /** The records give the new id now. */
  readonly updated: boolean
}

/**
 * Gives the storage sibling of a dataset another `archive-id` in git-annex's records, which is the
 * directory where ORA looks: the one that the store names, else the only one that has the old id.
 * Nothing is changed where none has it. Source: git-annex's internals page, remote.log.
 */
export async function recordNewId(
  dataset: StoredDataset,
  { from, to }: { readonly from: string; readonly to: string },
  call: CallOptions,
): Promise<RecordedId> {
  const named = (await readRepositoryConfig(dataset, call))?.get(SIBLING_UUID)
  let name: string | undefined
  const change = async function* (files: BranchFiles) {
    const log = (await files.read(REMOTES)) ?? ''
    const known = [...parseRemoteLog(log)].filter(([, settings]) => settings.get('archive-id') === from)
    const [uuid, settings] = known.find(([each]) => each === named) ?? (known.length === 1 ? known[0] : undefined) ?? []
    if (uuid === undefined || settings === undefined) return
    name = settings.get('name') ?? uuid
    yield { path: REMOTES, text: withRemote(log, uuid, new Map([...settings, ['archive-id', to]])) }
  }
  const updated = await amendBranch(dataset, { ...call, ref: ANNEX_BRANCH, message: 'riastore repair', change })
  return { name, updated }
}
