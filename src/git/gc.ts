import { isStoreError } from '../core/errors.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../store/store.ts'
import { consolidate } from './consolidate.ts'
import { type Expired, expire } from './expire.ts'
import { gcThere } from './gc-there.ts'
import { hasGit } from './git-there.ts'
import { git } from './objects/git.ts'
import type { RefState } from './refs/ref-state.ts'
import type { StoredRepository } from './repository.ts'

/** As git's own for what nothing refers to any more. ms. */
export const GRACE_MS = 14 * 24 * 3_600_000

/** As git's gc.autoPackLimit. */
const MANY_PACKS = 50

/** So often others may push meanwhile. */
const TRIES = 3

/** Nobody who pushes is made to wait for more than this to come and go. Bytes. */
const AUTO_BYTES = 64 * 1024 * 1024

export interface GcOptions extends CallOptions {
  /** Default: GRACE_MS. */
  readonly graceMs?: number | undefined
  readonly dryRun?: boolean | undefined
}

export interface GcReport {
  readonly dryRun: boolean
  /** How many packs hold the objects. */
  readonly packs: { readonly before: number; readonly after: number }
  /** Objects that were files of their own, where git itself looks after the repository. */
  readonly loose?: { readonly before: number; readonly after: number } | undefined
  readonly removed: Expired
  /** The files for others were not true, and are now. */
  readonly mended: boolean
}

/**
 * Puts all packs of a repository together into one of what its refs need, and removes what went out
 * of use before the grace period. One that git itself looks after is left to it: throws
 * `unsupported` where it cannot be run.
 */
export async function collectGarbage(repository: StoredRepository, options: GcOptions = {}): Promise<GcReport> {
  const { dataset } = repository
  const { graceMs = GRACE_MS, dryRun = false, ...call } = options
  if (dataset.store.traits.exec && (await repository.log.newest(call)).generation === 0) {
    if (await hasGit(dataset, call)) {
      const { bytes, ...done } = await gcThere(dataset, { graceMs, dryRun }, call)
      return { dryRun, ...done, removed: { packs: 0, bytes, generations: 0 }, mended: false }
    }
    const message = 'git itself looks after this repository, and cannot be run here: run git gc in it'
    throw dataset.error('unsupported', 'gc', message)
  }
  const before = await repository.state(call)
  const merges = before.packs.length > 1 || before.loose.length > 0
  let mended = false
  if (!dryRun) {
    if (merges) await consolidateAll(repository, before, call)
    mended = await repository.mendViews(await repository.state(call), { ...call, again: true })
  }
  const removed = await expire(dataset, repository.log, { ...call, graceMs, dryRun })
  const after = dryRun ? (merges ? 1 : before.packs.length) : (await repository.state(call)).packs.length
  return { dryRun, packs: { before: before.packs.length, after }, removed, mended }
}

/** Others may push meanwhile, and bring back what was left out. */
async function consolidateAll(repository: StoredRepository, before: RefState, call: CallOptions): Promise<void> {
  const { dataset } = repository
  for (let state = before, tries = 1; ; tries++) {
    try {
      await consolidate(dataset, state, 'all', repository.replaceWith(call), call)
      return
    } catch (error) {
      if (!isStoreError(error, 'conflict') || tries === TRIES) throw error
      state = await repository.state(call)
    }
  }
}

/**
 * What git calls gc --auto, after a push made `state`: puts small packs together once there are
 * many (gc.auto and gc.autoPackLimit count). `tell` gets a line for the user, if there is something
 * to say.
 */
export async function collectGarbageIfMuch(
  repository: StoredRepository,
  state: RefState,
  tell: (line: string) => void,
  call: CallOptions = {},
): Promise<void> {
  const { dataset } = repository
  const limit = await packLimit()
  // Of many who push at once, one does it; if that comes to nothing, one of the next ten.
  const excess = state.packs.length - limit
  if (limit === 0 || excess <= 0 || excess % 10 !== 1) return
  const small = await smallPacks(dataset, state, call)
  if (small.length <= state.packs.length / 2) {
    tell(`the repository has ${state.packs.length} packs, some of them large: riastore gc puts them together`)
    return
  }
  tell(`putting ${small.length} packs together`)
  await consolidate(dataset, state, small, repository.replaceWith(call), call)
  await expire(dataset, repository.log, { ...call, graceMs: GRACE_MS })
}

/** What the user told git; 0: never. */
async function packLimit(): Promise<number> {
  const { stdout } = await git(['config', '--get-regexp', '^gc\\.auto(packlimit)?$'], { mayEndWith: [1] })
  const settings = new Map(stdout.split('\n').map((line) => line.split(' ', 2) as [string, string]))
  const isOff = settings.get('gc.auto') === '0'
  const limit = Number(settings.get('gc.autopacklimit') ?? MANY_PACKS)
  return isOff || !Number.isSafeInteger(limit) ? 0 : limit
}

/** The smallest packs, as many as may be moved. */
async function smallPacks(dataset: StoredDataset, { packs }: RefState, call: CallOptions): Promise<readonly string[]> {
  const sizes: [name: string, size: number][] = []
  for await (const { path, size } of dataset.store.list(dataset.path('objects/pack'), call)) {
    const [, name] = /\/(pack-[0-9a-f]{40})\.pack$/.exec(path) ?? []
    if (name !== undefined && packs.includes(name)) sizes.push([name, size])
  }
  let left = AUTO_BYTES
  const small: string[] = []
  for (const [name, size] of sizes.sort(([, a], [, b]) => a - b)) {
    left -= size
    if (left < 0) break
    small.push(name)
  }
  return small
}
