import { isStoreError, type StoreError, type StoreErrorKind } from '../../core/errors.ts'
import { type Key, keyFileName } from '../../core/key.ts'
import type { Moment } from '../../core/moment.ts'
import type { CallOptions, Stat } from '../../store/store.ts'
import { LAYOUT_FILE } from '../layout/paths.ts'
import { lockPath, tombstonePath } from '../layout/places.ts'
import type { StoredDataset } from '../layout/stored-dataset.ts'
import { type Copy, looseCopy, type ReadCopy, readAny, TRIES, whileMoving, wrongLength } from './copy.ts'
import type { ArchivedKey, DatasetArchive } from './dataset-archive.ts'
import { lookFor, lookInOrder, type Seen } from './looks.ts'
import { type Quiet, QuietDataset } from './quiet-dataset.ts'
import { Removal } from './removal.ts'
import { datasetGone, settleStored } from './settle-stored.ts'

/** A key, and where in the store it may lie loose, the best place first. */
export interface KeyPlaces {
  readonly key: Key
  readonly loose: readonly string[]
}

export interface FindOptions extends CallOptions {
  /** When all copies are of another length than the key's, resolve with one of them. */
  readonly evenDamaged?: boolean | undefined
}

/** What is known of a key that is to be stored. */
export interface BeforeStoring extends Partial<ArchiveState> {
  /** A moment after which nobody held the lock; undefined: somebody may. */
  readonly unlocked: Promise<Moment | undefined>
}

/** What an archive has to do with a key. */
export interface ArchiveState {
  /** Undefined also when it was dropped from the archive. */
  readonly archived: ArchivedKey | undefined
  readonly dropped: boolean
}

/**
 * The one place that knows where the keys of a dataset are, and whether one is gone. It looks in an
 * order in which none is missed that is on its way: loose, in the archive (compaction fills it
 * first), loose again (unarchive removes it last), and whether the archive is still the same. A key
 * with a tombstone is not in the archive for us. The tombstone is looked for before the archive (a
 * purge removes it last) and after it (compaction writes it first, for a key that was dropped by a
 * client without tombstones).
 */
export class KeyFinder {
  readonly #dataset: StoredDataset
  readonly #archive: DatasetArchive
  /** Where each look costs a request. */
  readonly #quiet: QuietDataset | undefined
  #archiveSeen = false

  constructor(dataset: StoredDataset, archive: DatasetArchive) {
    this.#dataset = dataset
    this.#archive = archive
    this.#quiet = dataset.store.traits.flat ? new QuietDataset(dataset) : undefined
  }

  /**
   * Finds out whether there is an archive. Never rejects: when that cannot be seen, there may be
   * one.
   */
  async lookForArchive(call: CallOptions): Promise<void> {
    const isThere = (stat: Stat | undefined) => stat !== undefined
    if (await this.#dataset.store.stat(this.#archive.path, call).then(isThere, () => true)) this.#archiveSeen = true
  }

  /** There is an archive, or may be one. */
  get mayHaveArchive(): boolean {
    return this.#archiveSeen
  }

  /**
   * Finds a copy of the right length. Undefined means proven absent: the dataset is there (its disk
   * may be unmounted, a share gone), and the key neither loose nor in the archive. Throws `corrupt`
   * when all there is is damaged, `missing` when the dataset is not there, and whatever stood in
   * the way.
   */
  async find(places: KeyPlaces, { evenDamaged, ...call }: FindOptions): Promise<Copy | undefined> {
    const quiet = this.#quiet
    const found = quiet && (await this.#findWhileQuiet(places, quiet, call).catch(unlessMoving))
    return found === undefined ? whileMoving(() => this.#find(places, evenDamaged === true, call)) : found.copy
  }

  /**
   * Has `read` read a good copy, the likeliest first. Another is taken when one is moved away or
   * damaged. False: the key is proven absent. Throws `corrupt` when all there is is damaged, and
   * what `find` and `read` do.
   */
  async read(places: KeyPlaces, read: ReadCopy, call: CallOptions): Promise<boolean> {
    try {
      return await this.#readLikely(places, read, call)
    } catch (error) {
      // One copy was damaged; the archive may have another.
      if (!isStoreError(error, 'corrupt') || !this.#archiveSeen) throw error
      const { archived } = await this.#archiveState(places, call)
      if (archived === undefined || archived.copy.where === error.where) throw error
      await read(archived.copy)
      return true
    }
  }

  /**
   * What the archive has of a key that is to be stored: nothing, when the archive cannot be read.
   * Then the key is stored loose, and what may hide it there goes.
   */
  async beforeStoring(places: KeyPlaces, call: CallOptions): Promise<BeforeStoring> {
    const state = this.#archiveSeen ? await this.#stateBeforeStoring(places, call) : {}
    return { ...state, unlocked: this.#quiet?.unlocked() ?? Promise.resolve(undefined) }
  }

  async #stateBeforeStoring(places: KeyPlaces, call: CallOptions): Promise<Partial<ArchiveState>> {
    try {
      return await this.#archiveState(places, call)
    } catch (error) {
      if (!isStoreError(error, 'corrupt', 'unsupported')) throw error
      return { dropped: true } // as far as we know
    }
  }

  /** See `settleStored`. */
  async afterStoring({ key, loose }: KeyPlaces, before: BeforeStoring, call: CallOptions): Promise<boolean> {
    const stored = { key, path: loose[0] ?? '', dropped: before.dropped === true, since: await before.unlocked }
    return settleStored(this.#dataset, this.#quiet, stored, call)
  }

  /**
   * Removes a key: its loose copies, and where the archive has it, or may have it, `mark` marks it
   * as dropped. Then it is proven gone. Throws `missing` when the dataset is not there, and
   * whatever stood in the way.
   */
  async remove(places: KeyPlaces, mark: () => Promise<void>, call: CallOptions): Promise<void> {
    for (let tries = 1; tries <= TRIES; tries++) {
      const quiet = await this.#quiet?.look(call)
      const left = await this.#removeLoose(places, quiet, call)
      if (left === 'nothing') return
      if (left === 'loose') continue
      await mark()
      if (quiet !== undefined && this.#quiet?.now === quiet) return
      // A client that unpacks may have made it loose before it could see the mark.
      await new Removal(this.#dataset.store, places.loose, call).done
      return
    }
    const message = `key ${places.key.text} is made loose again and again while it is removed`
    throw this.#error('conflict', 'remove', this.#dataset.directory, message)
  }

  /**
   * What is left then: `archived` if the archive has the key, or may have it; `loose` when it was
   * unpacked meanwhile.
   */
  async #removeLoose(
    places: KeyPlaces,
    quiet: Quiet | undefined,
    call: CallOptions,
  ): Promise<'nothing' | 'loose' | 'archived'> {
    const removal = new Removal(this.#dataset.store, places.loose, call)
    if (quiet?.isThere && quiet.archive === undefined) {
      await removal.done
      if (this.#quiet?.now === quiet) return 'nothing'
    }
    const [lock, archive] = [lockPath(this.#dataset.directory), this.#archive.path]
    const seen = await removal.lookAfter([lock, archive, this.#layoutFile, ...places.loose, archive])
    if (!seen.has(this.#layoutFile)) throw this.#datasetGone()
    if (seen.has(archive)) this.#archiveSeen = true
    // A client that compacts may just be packing the key.
    if (seen.has(lock)) return 'archived'
    if (places.loose.some((path) => seen.has(path))) return 'loose'
    return seen.has(archive) ? this.#whatIsLeft(places, call) : 'nothing'
  }

  async #whatIsLeft(places: KeyPlaces, call: CallOptions): Promise<'nothing' | 'loose' | 'archived'> {
    try {
      const copy = await whileMoving(() => this.#find(places, true, call))
      if (copy === undefined) return 'nothing'
      return copy.path === undefined ? 'archived' : 'loose'
    } catch (error) {
      if (!isStoreError(error, 'corrupt', 'unsupported', 'conflict')) throw error
      return 'archived'
    }
  }

  async #readLikely(places: KeyPlaces, read: ReadCopy, call: CallOptions): Promise<boolean> {
    // Without an archive a key is most likely where it belongs, and to look first would cost a
    // round trip.
    const looksFirst = this.#archiveSeen && this.#dataset.store.traits.looksTogether
    const likely = looksFirst ? [] : places.loose.map((path) => looseCopy(this.#dataset.store, path, places.key.size))
    if (await readAny(likely, read)) return true
    return whileMoving(async () => {
      const copy = await this.find(places, call)
      if (copy === undefined || (await readAny([copy], read))) return copy !== undefined
      const message = `key ${places.key.text} is moved again and again while it is read`
      throw this.#error('conflict', 'get', this.#dataset.directory, message)
    })
  }

  /** What the archive has of a key; it may be loose as well. */
  #archiveState({ key }: KeyPlaces, call: CallOptions): Promise<ArchiveState> {
    return whileMoving(async () => this.#judge(key, await lookFor(this.#dataset.store, this.#marks(key), call), call))
  }

  /**
   * With as few requests as it takes while keys stay where they are. Undefined where that is not
   * sure, or what is there is not whole.
   */
  async #findWhileQuiet(
    { key, loose }: KeyPlaces,
    dataset: QuietDataset,
    call: CallOptions,
  ): Promise<{ readonly copy: Copy | undefined } | undefined> {
    let quiet = dataset.now
    for (;;) {
      for (const path of loose) {
        const stat = await this.#dataset.store.stat(path, call)
        if (stat !== undefined)
          return isWhole(key, stat.size) ? { copy: looseCopy(this.#dataset.store, path, key.size) } : undefined
      }
      if (quiet !== undefined) break
      quiet = await dataset.look(call)
      if (quiet === undefined) return undefined
    }
    if (quiet.archive !== undefined) {
      this.#archiveSeen = true
      const archived = await this.#findArchived(key, quiet.archive, call)
      const isUndoubted = archived === undefined || (isWhole(key, archived.size) && dataset.now === quiet)
      if (!isUndoubted) return undefined
      if (archived !== undefined) return { copy: archived.copy }
    }
    return quiet.isThere && dataset.now === quiet ? { copy: undefined } : undefined
  }

  /** Undefined when the archive does not have it, or not any more. */
  async #findArchived(key: Key, archive: Stat, call: CallOptions): Promise<ArchivedKey | undefined> {
    const tombstone = await this.#dataset.store.stat(this.#tombstone(key), call)
    return tombstone === undefined ? this.#archive.find(key, archive, call) : undefined
  }

  async #find(places: KeyPlaces, evenDamaged: boolean, call: CallOptions): Promise<Copy | undefined> {
    const { key, loose } = places
    const path = this.#archive.path
    const archiveSeen = this.#archiveSeen
    const looks = await lookInOrder(
      this.#dataset.store,
      { loose, marks: archiveSeen ? this.#marks(key) : [path], last: [this.#layoutFile, ...loose, path] },
      call,
    )
    let damaged: { readonly copy: Copy; readonly error: StoreError } | undefined
    const take = (at: string, found: Pick<Stat, 'size' | 'doubt'> | undefined, copy: () => Copy) => {
      if (found === undefined) return undefined
      if (isWhole(key, found.size)) return copy()
      damaged ??= { copy: copy(), error: wrongLength('stat', this.#dataset.where(at), found, key) }
      return undefined
    }
    const takeLoose = (at: string, stat: Stat | undefined) =>
      take(at, stat, () => looseCopy(this.#dataset.store, at, key.size))
    for (const at of loose) {
      const copy = takeLoose(at, await looks.loose(at))
      if (copy !== undefined) return copy
    }
    const marks = await looks.marks()
    const archive = marks.get(path)
    if (archive !== undefined && !archiveSeen) {
      this.#archiveSeen = true
      return this.#find(places, evenDamaged, call)
    }
    const { archived } = await this.#judge(key, marks, call)
    const copy = archived && take(path, archived, () => archived.copy)
    if (copy !== undefined) return copy
    const last = await looks.last()
    if (!last.has(this.#layoutFile)) throw this.#datasetGone()
    for (const at of loose) {
      const copy = takeLoose(at, last.get(at))
      if (copy !== undefined) return copy
    }
    if (last.get(path)?.identity !== archive?.identity) {
      throw this.#error('conflict', 'stat', path, 'the archive is replaced again and again while a key is looked for')
    }
    // A copy of another length is neither there nor absent.
    if (damaged === undefined) return undefined
    if (evenDamaged && damaged.error.kind === 'corrupt') return damaged.copy
    throw damaged.error
  }

  #marks(key: Key): readonly string[] {
    const tombstone = this.#tombstone(key)
    return [tombstone, this.#archive.path, tombstone]
  }

  async #judge(key: Key, marks: Seen, call: CallOptions): Promise<ArchiveState> {
    const archive = marks.get(this.#archive.path)
    const dropped = marks.has(this.#tombstone(key))
    if (dropped || archive === undefined) return { archived: undefined, dropped }
    return { archived: await this.#archive.find(key, archive, call), dropped }
  }

  #tombstone(key: Key): string {
    return tombstonePath(this.#dataset.directory, keyFileName(key.text))
  }

  get #layoutFile(): string {
    return this.#dataset.path(LAYOUT_FILE)
  }

  #datasetGone(): StoreError {
    return datasetGone(this.#dataset)
  }

  #error(kind: StoreErrorKind, op: string, path: string, message: string): StoreError {
    return this.#dataset.error(kind, op, message, { path })
  }
}

function unlessMoving(error: unknown): undefined {
  if (!isStoreError(error, 'conflict')) throw error
}

function isWhole(key: Key, bytes: number): boolean {
  return key.size === undefined || key.size === bytes
}
