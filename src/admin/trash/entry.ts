import { randomBytes } from 'node:crypto'
import { userName } from '../../core/process/owner.ts'
import { bufferSource } from '../../core/source.ts'
import { isDatasetDirectory } from '../../ria/layout/alias-file.ts'
import { formatGravestone, gravestonePath, trashOf } from '../../ria/layout/gravestone.ts'
import { asMovedTo, type MovedTo } from '../../ria/layout/moved-to.ts'
import { LAYOUT_FILE } from '../../ria/layout/paths.ts'
import { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { findSmall } from '../../store/read-small.ts'
import type { CallOptions, Sharing, Store } from '../../store/store.ts'

/** Bytes. */
const MAX_BYTES = 1024 * 1024

/** Longer than anybody decides by. ms since 1970. */
const NEVER_MS = Date.UTC(9999, 0)

/** Only who removed it reads what is in the trash: who else could is known to its directories. */
export const PRIVATE: Sharing = { mode: 0o600, force: true }

/**
 * A dataset in the trash, `trash/<id>/<time>-<random>/`: what it was is in `entry.json` there, and
 * all of it in `dataset/`. Where `deleting` is and `entry.json` is not, somebody has begun to
 * delete the rest.
 */
export interface TrashEntry {
  readonly path: string
  /** `abc/def-…` */
  readonly directory: string
  readonly aliases: readonly string[]
  /** ms since 1970. */
  readonly removedMs: number
  /** Undefined where `entry.json` was lost: then it is kept until somebody decides. */
  readonly untilMs: number | undefined
  readonly user: string
  /** It is no dataset, but so many loose keys of one. */
  readonly keys?: number | undefined
  readonly movedTo?: MovedTo | undefined
}

/** One that was just made. */
export type NewEntry = TrashEntry & { readonly untilMs: number }

export const entryFile = (path: string) => `${path}/entry.json`
export const deletingFile = (path: string) => `${path}/deleting`
export const contentOf = (path: string) => `${path}/dataset`

/** What holds the lock of an entry: `archives/lock` in it, as a dataset has it. */
export const lockable = (store: Store, path: string) => new StoredDataset(store, path, path)

export function newEntry(directory: string, aliases: readonly string[], nowMs: number, keptMs: number): NewEntry {
  const time = new Date(nowMs).toISOString().replace(/[-:.]/g, '')
  const path = `${trashOf(directory.replace('/', ''))}/${time}-${randomBytes(4).toString('hex')}`
  return { path, directory, aliases, removedMs: nowMs, untilMs: nowMs + keptMs, user: userName() ?? '' }
}

/** Writes down what is about to be put there, and then, for clients, that it is. */
export async function writeEntry(store: Store, entry: NewEntry, call: CallOptions): Promise<void> {
  const { directory, removedMs, untilMs, keys } = entry
  if (keys === undefined) {
    const moved = { movedTo: entry.movedTo?.url, sibling: entry.movedTo?.sibling }
    const [removed, until] = [new Date(removedMs).toISOString(), new Date(untilMs).toISOString()]
    const stone = formatGravestone({ removed, until, ...moved })
    await store.put(gravestonePath(directory.replace('/', '')), bufferSource(stone), call)
  }
  await rewriteEntry(store, entry, call)
}

/** Writes down what is there, for whoever has its lock. */
export async function rewriteEntry(store: Store, entry: TrashEntry, call: CallOptions): Promise<void> {
  const { path, directory, aliases, removedMs, untilMs = NEVER_MS, user, keys } = entry
  const moved = { movedTo: entry.movedTo?.url, sibling: entry.movedTo?.sibling }
  const [removed, until] = [new Date(removedMs).toISOString(), new Date(untilMs).toISOString()]
  const text = `${JSON.stringify({ format: 1, directory, aliases, removed, until, user, keys, ...moved })}\n`
  await store.put(entryFile(path), bufferSource(text), { ...call, sharing: PRIVATE })
}

/**
 * Entries of a store, or of one dataset; by path. `entry` is undefined for one that is being
 * deleted, or made, or was left empty.
 */
export async function listEntries(
  store: Store,
  call: CallOptions,
  id?: string,
): Promise<readonly { readonly path: string; readonly entry: TrashEntry | undefined }[]> {
  const paths: string[] = []
  for (const top of id === undefined ? await directoriesIn(store, 'trash', call) : [trashOf(id)]) {
    paths.push(...(await directoriesIn(store, top, call)))
  }
  return Promise.all(paths.sort().map(async (path) => ({ path, entry: await readEntry(store, path, call) })))
}

/**
 * The last removal of a dataset that can be taken back; undefined where there is none. One that was
 * broken off before it had moved anything is none.
 */
export async function lastEntry(store: Store, id: string, call: CallOptions): Promise<TrashEntry | undefined> {
  for (const { path, entry } of [...(await listEntries(store, call, id))].reverse()) {
    const layout = `${contentOf(path)}/${LAYOUT_FILE}`
    if (entry !== undefined && (await store.stat(layout, call)) !== undefined) return entry
  }
  return undefined
}

/**
 * Undefined where there is none, or what is there is none of ours. Of a whole dataset whose
 * `entry.json` was lost its place still says what it is.
 */
export async function readEntry(store: Store, path: string, call: CallOptions): Promise<TrashEntry | undefined> {
  const text = (await findSmall(store, entryFile(path), MAX_BYTES, call))?.toString()
  if (text === undefined) return readLost(store, path, call)
  const { directory, aliases, removed, until, user, keys, movedTo, sibling } = parse(text)
  const [removedMs, untilMs] = [Date.parse(removed), Date.parse(until)]
  const isWhole = typeof directory === 'string' && isDatasetDirectory(directory) && Array.isArray(aliases)
  if (!isWhole || Number.isNaN(removedMs) || Number.isNaN(untilMs)) {
    throw lockable(store, path).error('corrupt', 'get', 'this is no entry of the trash', { path: entryFile(path) })
  }
  const count = typeof keys === 'number' ? keys : undefined
  const to = asMovedTo(movedTo, sibling)
  return { path, directory, aliases, removedMs, untilMs, user: String(user), keys: count, movedTo: to }
}

async function readLost(store: Store, path: string, call: CallOptions): Promise<TrashEntry | undefined> {
  const id = path.split('/')[1] ?? ''
  const directory = `${id.slice(0, 3)}/${id.slice(3)}`
  if (!isDatasetDirectory(directory)) return undefined
  const layout = `${contentOf(path)}/${LAYOUT_FILE}`
  const [isWhole, isDeleted, isNamed] = await store.statAll([layout, deletingFile(path), entryFile(path)], call)
  if (isNamed !== undefined) return readEntry(store, path, call) // it was just written
  if (isWhole === undefined || isDeleted !== undefined) return undefined
  return { path, directory, aliases: [], removedMs: timeOfEntry(path), untilMs: undefined, user: '' }
}

/** When an entry was made, by its name; ms, 0 where that does not tell. */
export function timeOfEntry(path: string): number {
  const [, day, hour, minute, second] = /\/(\d{8})T(\d\d)(\d\d)(\d\d)\d*Z-[^/]*$/.exec(path) ?? []
  if (day === undefined) return 0
  const date = `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}`
  return Date.parse(`${date}T${hour}:${minute}:${second}Z`) || 0
}

/** Empty for what is no JSON. */
function parse(text: string) {
  try {
    return JSON.parse(text) ?? {}
  } catch {
    return {}
  }
}

async function directoriesIn(store: Store, directory: string, call: CallOptions): Promise<string[]> {
  const found: string[] = []
  for await (const { path, file } of store.children(directory, call)) if (file === undefined) found.push(path)
  return found
}
