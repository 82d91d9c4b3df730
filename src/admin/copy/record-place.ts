import { parseRemoteLog, withRemote } from '../../core/records/annex-logs.ts'
import { amendBranch } from '../../git/amend-branch.ts'
import { ANNEX_BRANCH } from '../../git/annex-records.ts'
import type { BranchFiles } from '../../git/branch-files.ts'
import type { OwnRecord } from '../../git/objects/has-all.ts'
import { readRepositoryConfig, SIBLING_UUID } from '../../git/repository-config.ts'
import { isName } from '../../ria/layout/moved-to.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'

const REMOTES = 'remote.log'

/** What a move adds to the records of a copy. */
export const PLACE_RECORD: OwnRecord = { message: 'riastore move', file: REMOTES }

/** A storage sibling, as git-annex's records have it. */
export interface RecordedSibling {
  readonly uuid: string
  readonly name: string | undefined
  /** The records give the new address now. */
  readonly updated: boolean
}

/**
 * Gives the storage sibling of a dataset its new address in git-annex's records, where the one that
 * they have is one of the old ones: whoever clones then enables it there. Undefined where the
 * dataset names no storage sibling. Source: git-annex's internals page, remote.log.
 */
export async function recordNewPlace(
  dataset: StoredDataset,
  old: readonly string[],
  url: string,
  call: CallOptions,
): Promise<RecordedSibling | undefined> {
  const uuid = (await readRepositoryConfig(dataset, call))?.get(SIBLING_UUID)
  if (uuid === undefined) return undefined
  let name: string | undefined
  let isThere = false
  const change = async function* (files: BranchFiles) {
    const log = (await files.read(REMOTES)) ?? ''
    const settings = parseRemoteLog(log).get(uuid)
    name = settings?.get('name')
    const known = settings?.get('url')
    isThere = known !== undefined && isSameUrl(known, url)
    if (settings === undefined || known === undefined || !old.some((each) => isSameUrl(each, known))) return
    const next = new Map([...settings].filter(([key]) => key !== 'push-url'))
    next.set('url', url)
    yield { path: REMOTES, text: withRemote(log, uuid, next) }
  }
  const updated = await amendBranch(dataset, { ...call, ref: ANNEX_BRANCH, message: PLACE_RECORD.message, change })
  return { uuid, name, updated: updated || isThere }
}

/** What git-annex knows a sibling by. */
export function nameOf({ name, uuid }: RecordedSibling): string {
  return name !== undefined && isName(name) ? name : uuid
}

/** Whether two addresses of a store are the same, but for a slash at the end. */
export const isSameUrl = (a: string, b: string) => a.replace(/\/+$/, '') === b.replace(/\/+$/, '')
