import { chunksOf } from '../../core/parallel.ts'
import { decode } from '../../core/text.ts'
import { keyOfContent, MAX_POINTER_BYTES } from '../../ria/layout/key-of-content.ts'
import type { CloneGit } from './clone-git.ts'

/** Small files, which may all be git's own, are read so many at once: they are held in memory. */
const AT_ONCE = 1000

/**
 * The keys of all annexed files that commits brought or changed: those of `to` that are not in
 * `from`; all, where nothing is known of `from`.
 */
export async function keysOfCommits(git: CloneGit, from: string | undefined, to: string): Promise<readonly string[]> {
  const range = from === undefined ? to : `${from}..${to}`
  const listed = await git.run(['log', '--format=', '--raw', '-z', '--no-abbrev', '--no-renames', '--root', range])
  const blobs = new Map<string, 'link' | 'file'>()
  addBlobs(blobs, listed.text)
  if (from !== undefined) {
    // What a merge brought that none of its parents has.
    const tips = await git.run(['diff', '--raw', '-z', '--no-abbrev', '--no-renames', from, to])
    addBlobs(blobs, tips.text)
  }
  return keysOfBlobs(git, blobs)
}

/** `:<mode> <mode> <id> <id> <status>\0<path>\0`, with empty lines between commits. */
function addBlobs(blobs: Map<string, 'link' | 'file'>, raw: string): void {
  const fields = raw.split('\0')
  for (let at = 0; at < fields.length; at++) {
    const [, mode, id] = /^\n?:\d+ (\d+) [0-9a-f]+ ([0-9a-f]+) /.exec(fields[at] ?? '') ?? []
    if (id === undefined) continue
    at += 1 // the path, which may look like anything
    if (mode === '120000') blobs.set(id, 'link')
    else if (mode?.startsWith('100')) blobs.set(id, 'file')
  }
}

async function keysOfBlobs(git: CloneGit, blobs: ReadonlyMap<string, 'link' | 'file'>): Promise<readonly string[]> {
  const ids = [...blobs.keys()]
  if (ids.length === 0) return []
  const sizes = await git.run(['cat-file', '--batch-check=%(objectname) %(objectsize)'], [0], inLines(ids))
  const small = sizes.text.split('\n').flatMap((line) => {
    const [id, size] = line.split(' ')
    return id !== undefined && Number(size) <= MAX_POINTER_BYTES ? [id] : []
  })
  const keys = new Set<string>()
  for (const some of chunksOf(small, AT_ONCE)) {
    const { bytes } = await git.run(['cat-file', '--batch'], [0], inLines(some))
    // Each is `<id> blob <length>\n<content>\n`.
    for (let at = 0; at < bytes.length; ) {
      const end = bytes.indexOf(10, at)
      const [id = '', , length] = bytes.toString('latin1', at, end).split(' ')
      const after = end + 1 + Number(length)
      if (end < 0 || !Number.isSafeInteger(after)) throw new RangeError('git cat-file gave no answer')
      const key = keyOfContent(blobs.get(id) ?? 'file', decode(bytes.subarray(end + 1, after)))
      if (key !== undefined) keys.add(key)
      at = after + 1
    }
  }
  return [...keys]
}

function inLines(ids: readonly string[]): string {
  return ids.map((id) => `${id}\n`).join('')
}
