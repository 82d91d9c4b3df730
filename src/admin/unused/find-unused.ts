import { archivePath } from '../../ria/layout/paths.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Entry } from '../../store/store.ts'
import { withStrictLinks } from '../../store/wrappers/strict-links.ts'
import { archivedFiles, looseFiles } from '../inventory/count-keys.ts'
import { refsOf, type UsedKeys, usedKeys } from './used-keys.ts'

/** A key that no ref names. */
export interface UnusedKey {
  readonly key: string
  readonly size: number
  /** Undefined: it is in the archive. */
  readonly loose: Entry | undefined
}

export interface UnusedReport {
  /** Keys that were looked at. */
  readonly keys: number
  /** That no ref names, and that came too lately for their refs to have followed for sure. */
  readonly young: number
  /** Of which nobody can tell without a secret: encrypted ones. */
  readonly unknown: number
}

export interface FindUnusedOptions extends CallOptions {
  /** A key that came less than so long ago is left. ms. */
  readonly graceMs: number
  /** Called with how many keys were looked at. */
  readonly onKeys?: ((looked: number) => void) | undefined
}

/** Keys that no file of people has: git-annex keeps git's own objects in them. */
const GITS = /^GIT(BUNDLE|MANIFEST)-/
const ENCRYPTED = /^GPGHMAC/

/**
 * Finds the keys of a dataset that no ref names, and tells of each. Whoever stores keys pushes git
 * after that: so those stay that came within `graceMs`, or after the newest commit was made.
 * Returns what was looked at, and what the refs named. Throws StoreError when any ref cannot be
 * read.
 */
export async function findUnused(
  given: StoredDataset,
  found: (unused: UnusedKey) => void,
  { graceMs, onKeys, ...call }: FindUnusedOptions,
): Promise<UnusedReport & { readonly used: UsedKeys }> {
  const dataset = given.through(withStrictLinks)
  const used = await usedKeys(dataset, call)
  const beforeMs = Math.min(Date.now() - graceMs, used.newestMs)
  const archivedMs = (await dataset.store.stat(archivePath(dataset.directory), call))?.mtimeMs
  let [keys, young, unknown] = [0, 0, 0]
  const look = (key: string, size: number, mtimeMs: number | undefined, loose: Entry | undefined) => {
    keys += 1
    onKeys?.(keys)
    if (GITS.test(key) || used.keys.get(wholeKey(key)) !== undefined) return
    if (ENCRYPTED.test(key)) unknown += 1
    else if (mtimeMs === undefined || mtimeMs > beforeMs) young += 1
    else found({ key, size, loose })
  }
  for await (const { key, entry } of looseFiles(dataset, call)) look(key, entry.size, entry.mtimeMs, entry)
  for await (const { key, size } of archivedFiles(dataset, call)) look(key, size, archivedMs, undefined)
  return { keys, young, unknown, used }
}

/** How long what was read of the refs is taken for true while keys go. ms. */
const FRESH_MS = 2_000

/** Whether the refs are still those that were read; asks again when it was asked too long ago. */
export function stillUnused(dataset: StoredDataset, used: UsedKeys, call: CallOptions): () => Promise<boolean> {
  let askedMs = Number.NEGATIVE_INFINITY
  return async () => {
    if (performance.now() - askedMs < FRESH_MS) return true
    const now = performance.now()
    if ((await refsOf(dataset, call)) !== used.refs) {
      throw dataset.error('conflict', 'unused', 'others pushed meanwhile: look again', { sent: 'no' })
    }
    askedMs = now
    return true
  }
}

/** The key that a chunk is of. */
function wholeKey(key: string): string {
  return key.replace(/^[^-]+(?:-[a-zA-Z]\d+)+(?=--)/, (fields) => fields.replace(/-[SC]\d+/g, ''))
}
