import { isStoreError } from '../../../core/errors.ts'
import { parseRemoteLog } from '../../../core/records/annex-logs.ts'
import { logPath, repositoriesIn } from '../../../core/records/location-log.ts'
import { decode } from '../../../core/text.ts'
import { ANNEX_BRANCH } from '../../../git/annex-records.ts'
import type { BranchFile } from '../../../git/branch-files.ts'
import { ObjectReader } from '../../../git/objects/object-reader.ts'
import { readRefs } from '../../../git/read-remote.ts'
import { readRepositoryConfig, SIBLING_UUID } from '../../../git/repository-config.ts'
import { Revision, type RevisionEntry } from '../../../git/revision.ts'
import { fileNameOf, keyOfFileName } from '../../../ria/layout/places.ts'
import type { StoredDataset } from '../../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../../store/store.ts'

/** git-annex's branch of a repository, as far as it tells which keys a remote has. */
export interface Records {
  /** Undefined where there is no such file. */
  read(path: string): Promise<string | undefined>
  /** All files that end in `.log`. */
  logs(): AsyncIterable<BranchFile>
}

/** A dataset of a store, as git-annex knows it. */
export interface Recorded {
  readonly id: string
  /** The uuid of its storage sibling, where the store names it. */
  readonly named: string | undefined
}

const LOG = '.log'

export async function recordedIn(dataset: StoredDataset, call: CallOptions): Promise<Recorded> {
  const named = (await readRepositoryConfig(dataset, call).catch(ifDamaged))?.get(SIBLING_UUID)
  return { id: dataset.directory.replace('/', ''), named }
}

/**
 * The keys that git-annex has on record as being in a dataset of a store. Undefined where nobody
 * can tell: its remote is none that is known for sure, or its keys have other names in the store,
 * for they are encrypted or cut into chunks.
 */
export async function keysOnRecord(
  records: Records,
  { id, named }: Recorded,
): Promise<AsyncIterable<string> | undefined> {
  const remotes = parseRemoteLog((await records.read('remote.log')) ?? '')
  const known = [...remotes].filter(([, settings]) => settings.get('archive-id') === id)
  const [uuid, settings] = known.find(([each]) => each === named) ?? (known.length === 1 ? known[0] : undefined) ?? []
  if (uuid === undefined || settings === undefined) return undefined
  if ((settings.get('encryption') ?? 'none') !== 'none' || settings.has('chunk')) return undefined
  return keysAt(records, uuid)
}

async function* keysAt(records: Records, uuid: string): AsyncGenerator<string, void, void> {
  for await (const { path, text } of records.logs()) {
    const key = keyOfFileName(fileNameOf(path).slice(0, -LOG.length))
    if (key !== undefined && path === logPath(key) && repositoriesIn(text).has(uuid)) yield key
  }
}

/** The records in a store itself; undefined where there are none that can be read. */
export async function storedRecords(dataset: StoredDataset, call: CallOptions): Promise<Records | undefined> {
  const revision = await openBranch(dataset, call).catch(ifDamaged)
  if (revision === undefined) return undefined
  const read = async (entry: RevisionEntry) => decode(await revision.read(entry))
  return {
    async read(path) {
      const entry = await revision.find(path)
      return entry === undefined || entry.kind === 'directory' ? undefined : read(entry)
    },
    async *logs() {
      const top = await revision.find('')
      if (top === undefined) return
      for await (const entry of revision.list(top, true)) {
        if (entry.path.endsWith(LOG)) yield { path: entry.path, text: await read(entry) }
      }
    },
  }
}

async function openBranch(dataset: StoredDataset, call: CallOptions): Promise<Revision | undefined> {
  const branch = (await readRefs(dataset, call)).refs.get(ANNEX_BRANCH)
  return branch === undefined ? undefined : Revision.open(dataset, new ObjectReader(dataset, call), branch)
}

function ifDamaged(error: unknown): undefined {
  if (!isStoreError(error, 'missing', 'corrupt', 'unsupported')) throw error
}
