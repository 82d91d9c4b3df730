import { decode } from '../../core/text.ts'

/** What a tree has under a name. */
export interface TreeEntry {
  readonly name: string
  /** `executable` and `file` are files. */
  readonly kind: 'file' | 'executable' | 'link' | 'directory' | 'subdataset'
  readonly id: string
}

const KINDS: Readonly<Record<string, TreeEntry['kind']>> = {
  '100755': 'executable',
  '120000': 'link',
  '40000': 'directory',
  '160000': 'subdataset',
}

const ID_BYTES = 20

/** Reads a tree; in git's order. Throws RangeError for what is none. */
export function parseTree(content: Buffer): readonly TreeEntry[] {
  const entries: TreeEntry[] = []
  for (let at = 0; at < content.length; ) {
    const space = content.indexOf(0x20, at)
    const end = content.indexOf(0, at)
    if (space < 0 || end < space || end + 1 + ID_BYTES > content.length) throw new RangeError('this is no tree')
    const mode = content.toString('latin1', at, space).replace(/^0+/, '')
    at = end + 1 + ID_BYTES
    entries.push({
      name: decode(content.subarray(space + 1, end)),
      kind: KINDS[mode] ?? 'file',
      id: content.toString('hex', end + 1, at),
    })
  }
  return entries
}

export interface Commit {
  readonly tree: string
  readonly parents: readonly string[]
  /** When it was committed, in ms since 1970. */
  readonly committedMs: number
}

/** Reads the headers of a commit. Throws RangeError for what is none. */
export function parseCommit(content: Buffer): Commit {
  const end = content.indexOf('\n\n')
  const head = content.toString('latin1', 0, end < 0 ? content.length : end)
  const [, tree] = /^tree ([0-9a-f]{40})$/m.exec(head) ?? []
  const [, seconds] = /^committer .*?> (-?\d+)(?: [+-]\d{4})?$/m.exec(head) ?? []
  if (tree === undefined || seconds === undefined) throw new RangeError('this is no commit')
  const parents = [...head.matchAll(/^parent ([0-9a-f]{40})$/gm)].map(([, id = '']) => id)
  return { tree, parents, committedMs: Number(seconds) * 1000 }
}

/** Who wrote a commit, and the first line of what he says of it. Others wrote both. */
export function parseMessage(content: Buffer): { readonly author: string; readonly subject: string } {
  const text = decode(content)
  const end = text.indexOf('\n\n')
  const [, author = ''] = /^author (.*?) <[^\n]*$/m.exec(text.slice(0, Math.max(end, 0))) ?? []
  const [subject = ''] = end < 0 ? [] : text.slice(end + 2).split('\n')
  return { author, subject }
}

/** What an annotated tag is of. Throws RangeError for what is none. */
export function parseTag(content: Buffer): string {
  const [, id] = /^object ([0-9a-f]{40})$/m.exec(content.toString('latin1', 0, 128)) ?? []
  if (id === undefined) throw new RangeError('this is no tag')
  return id
}
