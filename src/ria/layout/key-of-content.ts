import { keyOfFileName } from './places.ts'

/** git-annex takes no longer file for a pointer. Bytes. */
export const MAX_POINTER_BYTES = 32 * 1024

/**
 * The key that git has in place of an annexed file's content: the target of a link (locked), or a
 * pointer file (unlocked); undefined for every other. Source: git-annex's internals page,
 * internals/pointer_file.
 */
export function keyOfContent(kind: 'link' | 'file', text: string): string | undefined {
  const [, fileName] =
    kind === 'link'
      ? (/^(?:.*\/)?\.git(?:\/.*)?\/annex\/objects\/.*?([^/]+)$/s.exec(text) ?? [])
      : (/^\/annex\/objects\/([^/\n\r]+)\r?(?:\n|$)/.exec(text) ?? [])
  return fileName === undefined ? undefined : keyOfFileName(fileName)
}
