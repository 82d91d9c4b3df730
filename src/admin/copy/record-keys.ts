import { logPath, repositoriesIn, withPresent } from '../../core/records/location-log.ts'
import type { BranchFile, BranchFiles } from '../../git/branch-files.ts'
import { fileNameOf, keyOfFileName } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import { archivedFiles, looseFiles } from '../inventory/count-keys.ts'
import { Fingerprints } from '../inventory/fingerprints.ts'

const LOG = '.log'
const CHUNKS = '.log.cnk'

/** The keys that a dataset has, loose and archived. Throws StoreError. */
export async function listKeys(dataset: StoredDataset, call: CallOptions): Promise<Fingerprints> {
  const keys = new Fingerprints()
  for await (const { key } of looseFiles(dataset, call)) keys.set(key, 1)
  for await (const { key } of archivedFiles(dataset, call)) keys.set(key, 1)
  return keys
}

export interface NewPlace {
  readonly uuid: string
  /** The remote whose keys were copied. */
  readonly original: string | undefined
}

/**
 * The logs of git-annex's branch that change when a remote has these keys: location logs of keys
 * that git-annex knows, and what is on record of how the original's keys are cut into chunks. A key
 * that is encrypted or cut has another name in a store than in git-annex: of these no location is
 * noted. Sources: git-annex's internals page, location logs and chunk logs.
 */
export async function* withNewPlaces(
  files: BranchFiles,
  present: Fingerprints,
  { uuid, original }: NewPlace,
): AsyncGenerator<BranchFile, void, void> {
  const now = Date.now()
  for await (const { path, text } of files.inDirectories((path) => path.endsWith(LOG) || path.endsWith(CHUNKS))) {
    if (path.endsWith(CHUNKS)) {
      const more = original === undefined ? [] : chunkLines(text, original, uuid)
      if (more.length > 0) yield { path, text: `${text}${more.map((line) => `${line}\n`).join('')}` }
      continue
    }
    const key = keyOfFileName(fileNameOf(path).slice(0, -LOG.length))
    if (key === undefined || path !== logPath(key) || present.get(key) === undefined) continue
    if (!repositoriesIn(text).has(uuid)) yield { path, text: withPresent(text, uuid, now) }
  }
}

/** `<seconds>s <uuid>:<bytes> <chunks>`: those of a remote that another one has not. */
function chunkLines(text: string, of: string, uuid: string): readonly string[] {
  const lines = text.split('\n')
  const known = new Set(lines.map((line) => line.slice(line.indexOf(' ') + 1)))
  return lines.flatMap((line) => {
    const [, time, rest] = /^(\S+s) (\S+:\d+ \d+)$/.exec(line) ?? []
    if (time === undefined || rest === undefined || !rest.startsWith(`${of}:`)) return []
    const copied = `${uuid}${rest.slice(of.length)}`
    return known.has(copied) ? [] : [`${time} ${copied}`]
  })
}
