import { setTimeout as sleep } from 'node:timers/promises'
import type { Level } from '../../archive/seven-zip/seven-zip.ts'
import { ConfigError, isStoreError } from '../../core/errors.ts'
import type { Time } from '../../core/moment.ts'
import { archivePath } from '../../ria/layout/paths.ts'
import { archivesDirectory, tombstonePath } from '../../ria/layout/places.ts'
import { readLayout, readSharing } from '../../ria/layout/read-layout.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { listTombstones } from '../../ria/layout/tombstones.ts'
import type { CallOptions, Sharing, Stat } from '../../store/store.ts'
import { temporaryName } from '../../store/temporary.ts'
import { withStrictLinks } from '../../store/wrappers/strict-links.ts'
import { type Punched, punchDropped } from '../holes/punch.ts'
import { Changes, type Needed } from '../lock/changes.ts'
import { removeLeftovers } from '../lock/leftovers.ts'
import { type Lock, withLock } from '../lock/lock.ts'
import type { Builder } from './builder.ts'
import { type Built, checkBuilt } from './check-built.ts'
import { chooseBuilder } from './choose-builder.ts'
import { type CompactReport, previewReport, reportOf } from './compact-report.ts'
import type { Filter } from './loose.ts'
import { STATE } from './loose-table.ts'
import { makePlan, type Plan } from './plan.ts'
import { markDropped, removeLoose } from './settle.ts'
import { type Usage, usageOf } from './usage.ts'

export interface CompactOptions extends Filter {
  readonly signal?: AbortSignal | undefined
  /** 7z's, 0 (Copy, the default) to 9. */
  readonly level?: Level | undefined
  /** Pack nothing when fewer keys than this are to be packed. */
  readonly minKeys?: number | undefined
  readonly breakLock?: boolean | undefined
  /** Default: the real one. */
  readonly time?: Time | undefined
  /**
   * The loose keys only seem to lie in the store: what becomes of them meanwhile is nobody's
   * matter, and they are not removed. Default false.
   */
  readonly leavesLoose?: boolean | undefined
  /** Only say what would be done. */
  readonly dryRun?: boolean | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
  /** Called, and awaited, when a phase begins. */
  readonly onPhase?: ((phase: Phase) => void | Promise<void>) | undefined
  /**
   * Where bytes that pass through this machine wait. Default: the system's directory for temporary
   * files.
   */
  readonly temporaryDirectory?: string | undefined
}

export type Phase = 'listing' | 'packing' | 'verifying' | 'swapping' | 'removing'

/** How far a phase is: `done` of `total`, in whatever it counts. */
export interface Progress {
  readonly phase: Phase
  readonly done: number
  readonly total: number
}

/**
 * Packs a dataset's loose keys into its archive. Clients may go on reading, storing and dropping
 * meanwhile; killed at any moment it has lost nothing, and the next run finishes. Throws StoreError
 * (`conflict` when somebody else is at it) or ConfigError.
 */
export async function compact(given: StoredDataset, options: CompactOptions = {}): Promise<CompactReport> {
  const dataset = given.through(withStrictLinks)
  const { store } = dataset
  const call = options.signal ? { signal: options.signal } : {}
  const layout = await readLayout(dataset, call)
  const version = layout.dataset.version
  if (options.dryRun) return preview(dataset, version, options)
  if (!store.traits.writable) throw new ConfigError(`${store.traits.root} can only be read by this URL`)
  if (layout.readOnly !== undefined) throw new ConfigError(`treated as read-only: ${layout.readOnly}`)
  const sharing = await readSharing(dataset, call)
  return withLock(dataset, { ...call, sharing, breakLock: options.breakLock, time: options.time }, (lock, signal) =>
    new Compaction(dataset, version, sharing, lock, { ...options, signal }).run(),
  )
}

async function preview(dataset: StoredDataset, version: string, options: CompactOptions): Promise<CompactReport> {
  const call = options.signal ? { signal: options.signal } : {}
  await options.onPhase?.('listing')
  const plan = await makePlan(dataset, {
    ...call,
    version,
    filter: options,
    minKeys: options.minKeys,
    now: Date.now(),
    sharing: await readSharing(dataset, call),
    dryRun: true,
  })
  return previewReport(dataset, plan, await usageBefore(dataset, plan, call))
}

function usageBefore(dataset: StoredDataset, plan: Plan, call: CallOptions): Promise<Usage> {
  return usageOf(dataset, plan.loose.usage, plan.old, plan.members.size, call)
}

interface Replaced {
  readonly built: Built
  readonly by: Builder['kind'] | undefined
  /** The archive that is there then; undefined for none. */
  readonly archive: Stat | undefined
}

class Compaction {
  readonly #dataset: StoredDataset
  readonly #version: string
  readonly #sharing: Sharing | undefined
  readonly #lock: Lock
  readonly #changes: Changes
  readonly #options: CompactOptions & { readonly signal: AbortSignal }
  readonly #call: CallOptions

  constructor(
    dataset: StoredDataset,
    version: string,
    sharing: Sharing | undefined,
    lock: Lock,
    options: CompactOptions & { readonly signal: AbortSignal },
  ) {
    this.#dataset = dataset
    this.#version = version
    this.#sharing = sharing
    this.#lock = lock
    this.#options = options
    this.#call = { signal: options.signal }
    this.#changes = new Changes(dataset, lock, { sharing, signal: options.signal })
  }

  /**
   * `gaveBack`: there was no room for the new archive beside the old one, and the space of dropped
   * keys was given back; bytes.
   */
  async run(gaveBack?: number): Promise<CompactReport> {
    const [dataset, call] = [this.#dataset, this.#call]
    await this.#begin('listing')
    await removeLeftovers(dataset, this.#changes, {
      ...call,
      temporaryDirectory: this.#options.temporaryDirectory,
    })
    const plan = await makePlan(dataset, {
      ...call,
      version: this.#version,
      filter: this.#options,
      minKeys: this.#options.minKeys,
      sharing: this.#sharing,
      now: this.#lock.stat.mtimeMs ?? Date.now(),
    })
    const before = await usageBefore(dataset, plan, call)
    const isNeeded = plan.add.count > 0 || plan.drop.size > 0
    const kept = { built: unchanged(plan), by: undefined, archive: plan.old }
    // What becomes of the keys changes while the archive is made.
    const isAdding = plan.add.count > 0
    let replaced: Replaced
    try {
      replaced = isNeeded ? await this.#replaceArchive(plan) : kept
    } catch (error) {
      if (gaveBack !== undefined || plan.drop.size === 0 || !isStoreError(error, 'full')) throw error
      const { bytes, freed } = await this.#giveBack()
      if (isAdding && freed > 0) return this.run(freed)
      if (isAdding || bytes === 0) throw error
      const after = await usageOf(dataset, plan.loose.usage, plan.old, plan.members.size, call)
      return reportOf(dataset, {
        plan: { ...plan, drop: new Set() },
        by: undefined,
        gaveBack: freed,
        before,
        after,
      })
    }
    const { built, by, archive } = replaced
    const isSettled = isNeeded || plan.already.count > 0 || plan.few === 0
    if (isSettled) await this.#settle(plan, built, { archive: archive?.identity })
    // What others did meanwhile is not in it: it tells what this run did.
    const after = await usageOf(dataset, plan.loose.without(), archive, built.count, call)
    return reportOf(dataset, { plan, by, gaveBack, before, after })
  }

  /** Nothing is given back where no hole can be made. */
  async #giveBack(): Promise<Punched> {
    try {
      const options = { ...this.#call, version: this.#version, sharing: this.#sharing }
      return await punchDropped(this.#dataset, this.#changes, options)
    } catch (error) {
      if (isStoreError(error, 'unsupported', 'denied')) return { bytes: 0, freed: 0 }
      throw error
    }
  }

  async #replaceArchive(plan: Plan): Promise<Replaced> {
    if (plan.add.count === 0 && plan.drop.size === plan.members.size) {
      await this.#removeArchive(plan)
      return { built: NOTHING, by: undefined, archive: undefined }
    }
    await this.#waitForNewSecond(plan.old)
    const builder = await chooseBuilder(
      {
        store: this.#dataset.store,
        directory: this.#dataset.directory,
        temporary: `${archivesDirectory(this.#dataset.directory)}/${temporaryName()}`,
        old: plan.old,
        drop: plan.drop,
        add: plan.add,
        level: this.#options.level ?? 0,
        sharing: this.#sharing,
        permissions: plan.permissions,
      },
      { ...this.#call, temporaryDirectory: this.#options.temporaryDirectory },
    )
    try {
      await builder.checkSpace(this.#call)
      await this.#begin('packing')
      await builder.build({ ...this.#call, onPart: (part) => this.#tell('packing', part, 1) })
      const built = await this.#verify(plan, builder)
      await this.#begin('swapping')
      const archive = built.count === 0 ? await this.#removeArchive(plan) : await this.#swap(plan, builder)
      return { built, by: builder.kind, archive }
    } finally {
      await builder.discard()
    }
  }

  /**
   * Reads what was built; as long as there is something in it that must not be, takes that out and
   * reads again.
   */
  async #verify(plan: Plan, builder: Builder): Promise<Built> {
    const { keys } = plan.loose
    for (;;) {
      await this.#begin('verifying')
      const total = plan.add.count
      let done = 0
      const onKey = () => this.#tell('verifying', ++done, total)
      const built = await checkBuilt(this.#dataset, builder.path, plan, { ...this.#call, onKey })
      if (built.bad.size === 0) {
        // Where a file is known by its content, one that was dropped and stored again is the same.
        for (const { number, place } of keys.in(STATE.unread))
          if (builder.missed.has(place)) keys.setState(number, STATE.changed)
        return built
      }
      await builder.remove(built.bad, this.#call)
      for (const state of [STATE.packed, STATE.unread, STATE.gone]) keys.setAll(state, STATE.add)
    }
  }

  async #swap(plan: Plan, builder: Builder): Promise<Stat> {
    await builder.finish(this.#call)
    const stat = await this.#dataset.store.stat(builder.path, this.#call)
    if (stat === undefined || (plan.old !== undefined && seconds(stat) === seconds(plan.old))) {
      const path = archivePath(this.#dataset.directory)
      const message = 'the new archive cannot be told from the old one; try again'
      throw this.#dataset.error('conflict', 'archive', message, { path })
    }
    // Somebody may have exported an archive meanwhile with a program that knows no lock: nothing is
    // done then.
    const needed = { archive: plan.old?.identity }
    if (!this.#options.leavesLoose) await markDropped(this.#dataset, this.#changes, plan.loose.keys, needed, this.#call)
    return this.#changes.replaceArchive(builder.path, stat, plan.old?.identity)
  }

  async #removeArchive({ old }: Plan): Promise<undefined> {
    if (old !== undefined) await this.#changes.removeArchive(old.identity)
  }

  async #settle(plan: Plan, built: Built, needed: Needed): Promise<void> {
    const [dataset, call] = [this.#dataset, this.#call]
    await this.#begin('removing')
    if (!this.#options.leavesLoose) {
      const { keys } = plan.loose
      const total = keys.in(STATE.packed).count + plan.already.count
      let done = 0
      const onKey = () => this.#tell('removing', ++done, total)
      await removeLoose(dataset, this.#changes, keys, needed, { ...call, onKey })
    }
    const dropped = await listTombstones(dataset, call)
    const paths = [...dropped]
      .filter((name) => !built.hasFileName(name))
      .map((fileName) => tombstonePath(dataset.directory, fileName))
    await this.#changes.removeOwn(paths, needed, 1)
  }

  /**
   * SFTP knows mtimes in seconds: a client must see that the archive is another one. The lock file
   * has the store's own time.
   */
  async #waitForNewSecond(old: Stat | undefined): Promise<void> {
    const now = this.#lock.stat
    if (old === undefined || now.mtimeMs === undefined || seconds(old) !== seconds(now)) return
    await sleep(1_050 - (now.mtimeMs % 1_000), undefined, { signal: this.#options.signal })
  }

  async #begin(phase: Phase): Promise<void> {
    this.#options.signal.throwIfAborted()
    await this.#options.onPhase?.(phase)
    this.#tell(phase, 0, 0)
  }

  #tell(phase: Phase, done: number, total: number): void {
    this.#options.onProgress?.({ phase, done, total })
  }
}

/** What is in the archive when none was built. */
function unchanged({ members }: Plan): Built {
  return { count: members.size, hasFileName: (fileName) => members.hasFileName(fileName) }
}

/** What is in the archive when there is none any more. */
const NOTHING: Built = { count: 0, hasFileName: () => false }

function seconds({ mtimeMs }: Stat): number | undefined {
  return mtimeMs === undefined ? undefined : Math.floor(mtimeMs / 1000)
}
