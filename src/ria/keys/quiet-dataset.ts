import { orAborted } from '../../core/abort.ts'
import { isRecent, type Moment, moment } from '../../core/moment.ts'
import type { CallOptions, Stat } from '../../store/store.ts'
import { archivePath, LAYOUT_FILE } from '../layout/paths.ts'
import { lockPath } from '../layout/places.ts'
import type { StoredDataset } from '../layout/stored-dataset.ts'

/**
 * A client that packs or unpacks in an object store leaves every key where it is for so long after
 * the lock is there. ms.
 */
export const SETTLE_MS = 2_000

/** Half of that is left to clocks. */
const QUIET_MS = SETTLE_MS / 2

/** A dataset at a moment when nobody packed or unpacked. */
export interface Quiet {
  readonly archive: Stat | undefined
  /** Its layout file was there. */
  readonly isThere: boolean
}

/**
 * Knows of a dataset in an object store, where every look costs a request, that keys stay where
 * they are: nobody holds the lock, and a client that takes it now moves nothing for SETTLE_MS. What
 * is found within QUIET_MS from before the look on was true at one moment.
 */
export class QuietDataset {
  readonly #dataset: StoredDataset
  #last: { readonly quiet: Quiet; readonly since: Moment } | undefined
  #looking: Promise<Quiet | undefined> | undefined
  #unlocked: Moment | undefined
  #lookingAtLock: Promise<Moment | undefined> | undefined

  constructor(dataset: StoredDataset) {
    this.#dataset = dataset
  }

  /** As it was seen a moment ago; undefined when that was too long ago. */
  get now(): Quiet | undefined {
    return this.#last !== undefined && isRecent(this.#last.since, QUIET_MS) ? this.#last.quiet : undefined
  }

  /**
   * As it is, seen a moment ago or now. Undefined: somebody packs or unpacks. The look is shared by
   * all who ask meanwhile, so no one's signal ends it.
   */
  async look({ signal }: CallOptions): Promise<Quiet | undefined> {
    const { now } = this
    if (now !== undefined) return now
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    return orAborted(this.#looking, 'stat', this.#dataset.where(), signal)
  }

  /**
   * A moment, now or just before, at which the dataset was there and after which nobody was seen to
   * hold the lock: one look for all who store keys. Undefined: somebody packs, unpacks or removes
   * it, or that could not be seen. Never rejects.
   */
  unlocked(): Promise<Moment | undefined> {
    const last = this.#unlocked
    if (last !== undefined && isRecent(last, QUIET_MS / 2)) return Promise.resolve(last)
    this.#lookingAtLock ??= Promise.all([this.#lookAtLock(), this.#isThere()])
      .then(([since, isThere]) => {
        this.#unlocked = isThere ? since : undefined
        return this.#unlocked
      })
      .catch(() => undefined)
      .finally(() => {
        this.#lookingAtLock = undefined
      })
    return this.#lookingAtLock
  }

  /** Whether nothing was moved from this moment, which `unlocked` gave, until now. */
  isQuietSince(since: Moment): boolean {
    return isRecent(since, QUIET_MS)
  }

  async #lookAtLock(): Promise<Moment | undefined> {
    const since = moment()
    const isLocked = (await this.#dataset.store.stat(lockPath(this.#dataset.directory))) !== undefined
    return isLocked ? undefined : since
  }

  async #isThere(): Promise<boolean> {
    return (await this.#dataset.store.stat(this.#dataset.path(LAYOUT_FILE))) !== undefined
  }

  async #look(): Promise<Quiet | undefined> {
    // First the lock: the archive is looked for at a time in which nothing is moved.
    const since = await this.#lookAtLock()
    if (since === undefined) return undefined
    const [archive, isThere] = await Promise.all([
      this.#dataset.store.stat(archivePath(this.#dataset.directory)),
      this.#isThere(),
    ])
    const quiet = { archive, isThere }
    this.#last = { quiet, since }
    this.#unlocked = isThere ? since : undefined
    return quiet
  }
}
