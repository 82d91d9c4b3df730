import { decode } from '../core/text.ts'
import { keyOfFileName } from '../ria/layout/places.ts'
import type { Revision, RevisionEntry } from './revision.ts'

/** git-annex takes no longer file for a pointer. Bytes. */
const MAX_POINTER_BYTES = 32 * 1024

/**
 * The key of an annexed file, locked (a link) or unlocked (a pointer file); undefined for every
 * other. Source: git-annex's internals page, internals/pointer_file.
 */
export async function annexKeyOf(revision: Revision, entry: RevisionEntry): Promise<string | undefined> {
  if (entry.kind === 'directory' || entry.kind === 'subdataset') return undefined
  if (entry.kind !== 'link' && (await revision.sizeOf(entry)) > MAX_POINTER_BYTES) return undefined
  const text = decode(await revision.read(entry))
  const [, fileName] =
    entry.kind === 'link'
      ? (/^(?:.*\/)?\.git(?:\/.*)?\/annex\/objects\/.*?([^/]+)$/s.exec(text) ?? [])
      : (/^\/annex\/objects\/([^/\n\r]+)\r?(?:\n|$)/.exec(text) ?? [])
  return fileName === undefined ? undefined : keyOfFileName(fileName)
}
