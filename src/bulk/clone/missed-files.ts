import { hash } from 'node:crypto'
import { lstat, open } from 'node:fs/promises'
import { parseKey } from '../../core/key.ts'
import { decode, encode, toFsPath } from '../../core/text.ts'
import type { Clone } from './clone.ts'
import { Placer } from './placer.ts'
import { pointerTo } from './pointer.ts'
import { splitAt, startProgram } from './programs.ts'

/**
 * Files that look changed to an index, and hold the content of the key that git has them point to,
 * one of `keys`. git-annex notes that a file is to be restaged after the file is filled: killed in
 * between, it leaves one of these. From the work tree's top.
 */
export async function missedFiles(clone: Clone, index: string, keys: readonly string[]): Promise<string[]> {
  if (keys.length === 0) return []
  const changed = await changedFiles(clone, index)
  if (changed.size === 0) return []
  const placer = new Placer(clone)
  const missed: string[] = []
  for (const text of new Set(keys)) {
    const files = idsOf(text).flatMap((id) => changed.get(id) ?? [])
    const object = files.length === 0 ? undefined : placer.find(parseKey(text))
    if (object === undefined) continue
    for (const file of files) if (await isCopy(`${clone.directory}/${file}`, object)) missed.push(file)
  }
  return missed
}

/** Changed files by what git has them be: the ids of blobs. */
async function changedFiles({ directory }: Clone, index: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const listing = startProgram('git', ['diff-files', '-z', '--no-abbrev', '--diff-filter=M', '--ignore-submodules'], {
    cwd: directory,
    env: { GIT_INDEX_FILE: index },
  })
  const changed = new Map<string, string[]>()
  let id: string | undefined
  for await (const bytes of splitAt(listing.stdout, 0)) {
    // `:<mode> <mode> <id> <id> <status>`, then the file.
    if (id === undefined) id = decode(bytes).split(' ')[2] ?? ''
    else {
      changed.set(id, [...(changed.get(id) ?? []), decode(bytes)])
      id = undefined
    }
  }
  await listing.ended
  return changed
}

/** Of the pointer to a key, as git names it in a repository of either kind. */
function idsOf(key: string): string[] {
  const pointer = encode(pointerTo(key))
  const object = Buffer.concat([encode(`blob ${pointer.length}\0`), pointer])
  return ['sha1', 'sha256'].map((algorithm) => hash(algorithm, object))
}

const CHUNK_BYTES = 1024 * 1024

/** Whether a file has the bytes of an object. False for one that is not there. */
async function isCopy(file: string, object: string): Promise<boolean> {
  const paths = [file, object].map(toFsPath)
  const [one, other] = await Promise.all(paths.map((path) => lstat(path).catch(() => undefined)))
  if (!one?.isFile() || !other?.isFile() || one.size !== other.size) return false
  if (one.ino === other.ino && one.dev === other.dev) return true
  const handles = []
  try {
    for (const path of paths) handles.push(await open(path))
    for (;;) {
      const [a, b] = await Promise.all(handles.map((handle) => handle.read(Buffer.alloc(CHUNK_BYTES))))
      if (a === undefined || b === undefined || a.bytesRead !== b.bytesRead) return false
      if (!a.buffer.subarray(0, a.bytesRead).equals(b.buffer.subarray(0, b.bytesRead))) return false
      if (a.bytesRead === 0) return true
    }
  } catch {
    return false // somebody else is at it
  } finally {
    for (const handle of handles) await handle.close()
  }
}
