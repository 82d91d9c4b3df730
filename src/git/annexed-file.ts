import { decode } from '../core/text.ts'
import { keyOfContent, MAX_POINTER_BYTES } from '../ria/layout/key-of-content.ts'
import type { Revision, RevisionEntry } from './revision.ts'

/**
 * The key of an annexed file, locked (a link) or unlocked (a pointer file); undefined for every
 * other.
 */
export async function annexKeyOf(revision: Revision, entry: RevisionEntry): Promise<string | undefined> {
  if (entry.kind === 'directory' || entry.kind === 'subdataset') return undefined
  if (entry.kind !== 'link' && (await revision.sizeOf(entry)) > MAX_POINTER_BYTES) return undefined
  return keyOfContent(entry.kind === 'link' ? 'link' : 'file', decode(await revision.read(entry)))
}
