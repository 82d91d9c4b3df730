import { keyOfFileName } from './places.ts'

/** git-annex takes no longer file for a pointer. Bytes. */
export const MAX_POINTER_BYTES = 32 * 1024

/** What git-annex takes for its own, wherever the repository is, and whatever is before it. */
const OBJECTS = '/annex/objects/'

/**
 * The key that git has in place of an annexed file's content: the target of a link (locked), or a
 * pointer file (unlocked); undefined for every other. As git-annex has it, a pointer may have the
 * form of a link's target, and the repository another name than `.git`: for whoever asks which keys
 * are used none may be missed. Source: git-annex's internals page, internals/pointer_file, and
 * isLinkToAnnex and parseLinkTargetOrPointer of 10.20230126.
 */
export function keyOfContent(kind: 'link' | 'file', text: string): string | undefined {
  const line = kind === 'link' ? text : (/^[^\n]*/.exec(text)?.[0] ?? '').replace(/\r$/, '')
  if (!line.includes(OBJECTS)) return undefined
  return keyOfFileName(line.slice(line.lastIndexOf('/') + 1))
}
