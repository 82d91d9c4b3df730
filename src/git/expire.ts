import type { Time } from '../core/moment.ts'
import { forEachParallel } from '../core/parallel.ts'
import { bufferSource } from '../core/source.ts'
import { aliasDirectory } from '../ria/layout/alias-file.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { CallOptions, Entry } from '../store/store.ts'
import type { Generation, RefLog } from './refs/ref-log.ts'
import type { RefState } from './refs/ref-state.ts'
import { Removal } from './remove-unnamed.ts'

/** States read at once. */
const READS = 8

export interface Expired {
  /** Files of packs that no kept generation names. */
  readonly packs: number
  readonly bytes: number
  readonly generations: number
}

export interface ExpireOptions extends CallOptions {
  /** What went out of use less than so long ago is kept. ms. */
  readonly graceMs: number
  readonly dryRun?: boolean | undefined
  /** Default: the real one. */
  readonly time?: Time | undefined
}

/**
 * Removes generations that were replaced longer ago than the grace period, and packs that neither
 * the newest nor any other kept generation names and that were uploaded before it: a client that
 * reads an older state, or is about to push, has as long as that.
 */
export async function expire(dataset: StoredDataset, log: RefLog, options: ExpireOptions): Promise<Expired> {
  const { graceMs, dryRun = false, time, ...call } = options
  const limit = (dryRun ? Date.now() : await clock(dataset, call)) - graceMs
  // First the packs: what is named by a generation that comes later was uploaded later, too, or is
  // named already.
  const files = await packFiles(dataset, call)
  const generations = await log.generations(call)
  const newest = generations.at(-1)
  if (newest === undefined) return { packs: 0, bytes: 0, generations: 0 }
  const firstKept = generations.findIndex(
    (_each, at) => at === generations.length - 1 || !isOlder(generations[at + 1], limit),
  )
  const kept = generations.slice(firstKept)
  const state = await log.read(newest, call)
  for (const alias of state.aliases) files.push(...(await packFiles(dataset.at(aliasDirectory(alias)), call)))
  const doomed = await unnamed(log, kept, newest, state, groupsOlderThan(files, limit), call)
  if (!dryRun) {
    const removal = new Removal(dataset, log, { ...call, time })
    await removal.settleAside()
    // The oldest first, one after the other: whoever lists them sees no gap.
    for (const { entry } of generations.slice(0, firstKept)) await removal.remove(entry)
    for (const entry of doomed) await removal.remove(entry)
  }
  const bytes = doomed.reduce((sum, { size }) => sum + size, 0)
  return { packs: doomed.filter(({ path }) => path.endsWith('.pack')).length, bytes, generations: firstKept }
}

/** What the store takes for now, in ms since 1970: its files' times are by its own clock. */
async function clock(dataset: StoredDataset, call: CallOptions): Promise<number> {
  const path = dataset.path('riastore/gc')
  await dataset.store.put(path, bufferSource(`${new Date().toISOString()}\n`), call)
  return (await dataset.store.stat(path, call))?.mtimeMs ?? Date.now()
}

async function packFiles(dataset: StoredDataset, call: CallOptions): Promise<Entry[]> {
  const files: Entry[] = []
  for await (const entry of dataset.store.list(dataset.path('objects/pack'), call)) files.push(entry)
  return files
}

function isOlder(generation: Generation | undefined, limit: number): boolean {
  const time = generation?.entry.mtimeMs
  return time !== undefined && time < limit
}

/**
 * The files of packs of which all files are older; by the pack's path without its ending. The index
 * comes last: it holds the name.
 */
function groupsOlderThan(files: readonly Entry[], limit: number): ReadonlyMap<string, readonly Entry[]> {
  const groups = new Map<string, Entry[]>()
  for (const entry of files) {
    const [, name] = /^(.*\/pack-[0-9a-f]{40})\.[a-z]+$/.exec(entry.path) ?? []
    if (name !== undefined) groups.set(name, [...(groups.get(name) ?? []), entry])
  }
  const isOld = (group: readonly Entry[]) =>
    group.every(({ path, mtimeMs }) => mtimeMs !== undefined && mtimeMs < limit && !path.endsWith('.keep'))
  const old = [...groups].filter(([, group]) => isOld(group))
  return new Map(old.map(([name, group]) => [name, group.sort((a, b) => Number(isIndex(a)) - Number(isIndex(b)))]))
}

function isIndex({ path }: Entry): boolean {
  return path.endsWith('.idx')
}

/** Those that no kept generation names. The others are read only where that matters. */
async function unnamed(
  log: RefLog,
  kept: readonly Generation[],
  newest: Generation,
  state: RefState,
  groups: ReadonlyMap<string, readonly Entry[]>,
  call: CallOptions,
): Promise<readonly Entry[]> {
  const left = new Map(groups)
  const keep = ({ packs }: RefState) => {
    for (const path of [...left.keys()]) if (packs.includes(path.slice(path.lastIndexOf('/') + 1))) left.delete(path)
  }
  keep(state)
  if (left.size > 0) {
    const others = kept.filter(({ generation }) => generation !== newest.generation)
    await forEachParallel(others, READS, async (each) => keep(await log.read(each, call)))
  }
  return [...left.values()].flat()
}
