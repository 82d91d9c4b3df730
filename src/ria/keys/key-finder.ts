import { isStoreError, StoreError } from '../../core/errors.ts'
import { type Key, keyFileName } from '../../core/key.ts'
import type { CallOptions, Stat, Store } from '../../store/store.ts'
import { LAYOUT_FILE } from '../layout/paths.ts'
import { tombstonePath } from '../layout/places.ts'
import { type Copy, looseCopy, whileMoving, wrongLength } from './copy.ts'
import type { ArchivedKey, DatasetArchive } from './dataset-archive.ts'
import { QuietDataset } from './quiet-dataset.ts'

/** A key, and where in the store it may lie loose, the best place first. */
export interface KeyPlaces {
  readonly key: Key
  readonly loose: readonly string[]
}

export interface FindOptions extends CallOptions {
  /** When all copies are of another length than the key's, resolve with one of them. */
  readonly evenDamaged?: boolean | undefined
}

/** What an archive has to do with a key. */
export interface ArchiveState {
  /** Undefined also when it was dropped from the archive. */
  readonly archived: ArchivedKey | undefined
  readonly dropped: boolean
}

/**
 * Looks for the keys of a dataset in an order in which none is missed that is on its way: loose, in
 * the archive (compaction fills it first), loose again (unarchive removes it last), and whether the
 * archive is still the same. A key with a tombstone is not in the archive for us. That is looked
 * for before the archive (a purge removes it last) and after it (who compacts writes it first, for
 * a key that was dropped by a client without tombstones).
 */
export class KeyFinder {
  readonly #store: Store
  readonly #directory: string
  readonly #archive: DatasetArchive
  /** Where each look costs a request. */
  readonly quiet: QuietDataset | undefined
  #archiveSeen = false

  constructor(store: Store, directory: string, archive: DatasetArchive) {
    this.#store = store
    this.#directory = directory
    this.#archive = archive
    this.quiet = store.traits.flat ? new QuietDataset(store, directory) : undefined
  }

  /** The dataset had an archive at some time, or may have had one. */
  get archiveSeen(): boolean {
    return this.#archiveSeen
  }

  /**
   * Finds out whether there is an archive. Never rejects: when that cannot be seen, there may be
   * one.
   */
  async lookForArchive(call: CallOptions): Promise<void> {
    const isThere = (stat: Stat | undefined) => stat !== undefined
    if (await this.#store.stat(this.#archive.path, call).then(isThere, () => true)) this.#archiveSeen = true
  }

  /**
   * Finds a copy of the right length. Undefined means proven absent: the dataset is there (its disk
   * may be unmounted, a share gone), and the key neither loose nor in the archive. Throws `corrupt`
   * when all there is is damaged, `missing` when the dataset is not there, and whatever stood in
   * the way.
   */
  async find(places: KeyPlaces, { evenDamaged, ...call }: FindOptions): Promise<Copy | undefined> {
    const { quiet } = this
    const found = quiet && (await this.#findWhileQuiet(places, quiet, call).catch(unlessMoving))
    return found === undefined ? whileMoving(() => this.#find(places, evenDamaged === true, call)) : found.copy
  }

  /** What the archive has of a key; it may be loose as well. */
  archiveState({ key }: KeyPlaces, call: CallOptions): Promise<ArchiveState> {
    return whileMoving(async () => {
      const marks = await this.#store.statAll(this.#marks(key), call)
      return this.#judge(key, marks, call)
    })
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
        const stat = await this.#store.stat(path, call)
        if (stat !== undefined) return isWhole(key, stat.size) ? { copy: looseCopy(this.#store, path) } : undefined
      }
      if (quiet !== undefined) break
      quiet = await dataset.look(call)
      if (quiet === undefined) return undefined
    }
    if (quiet.archive !== undefined) {
      this.#archiveSeen = true
      const archived = await this.#findArchived(key, quiet.archive, call)
      if (archived !== undefined) return isWhole(key, archived.size) ? { copy: archived.copy } : undefined
    }
    return quiet.isThere && dataset.now === quiet ? { copy: undefined } : undefined
  }

  /** Undefined when the archive does not have it, or not any more. */
  async #findArchived(key: Key, archive: Stat, call: CallOptions): Promise<ArchivedKey | undefined> {
    const tombstone = await this.#store.stat(tombstonePath(this.#directory, keyFileName(key.text)), call)
    return tombstone === undefined ? this.#archive.find(key, archive, call) : undefined
  }

  async #find({ key, loose }: KeyPlaces, evenDamaged: boolean, call: CallOptions): Promise<Copy | undefined> {
    const archiveSeen = this.#archiveSeen
    const marks = archiveSeen ? this.#marks(key) : [this.#archive.path]
    const last = [this.#layoutFile, ...loose, this.#archive.path]
    const look = await this.#lookUp([...loose.map((path) => [path]), marks, last], call)
    let damaged: { readonly copy: Copy; readonly error: StoreError } | undefined
    for (const [i, path] of loose.entries()) {
      const [stat] = await look(i)
      if (stat && isWhole(key, stat.size)) return looseCopy(this.#store, path)
      if (stat) damaged ??= { copy: looseCopy(this.#store, path), error: this.#damaged(path, key, stat) }
    }
    const found = await look(loose.length)
    const archive = found[archiveSeen ? 1 : 0]
    if (archiveSeen) {
      const { archived } = await this.#judge(key, found, call)
      if (archived && isWhole(key, archived.size)) return archived.copy
      if (archived) {
        damaged ??= { copy: archived.copy, error: this.#damaged(this.#archive.path, key, archived) }
      }
    } else if (archive !== undefined) {
      this.#archiveSeen = true
      return this.#find({ key, loose }, evenDamaged, call)
    }
    const [layout, ...again] = await look(loose.length + 1)
    if (layout === undefined) throw this.datasetGone()
    for (const [i, path] of loose.entries()) {
      const stat = again[i]
      if (stat && isWhole(key, stat.size)) return looseCopy(this.#store, path)
    }
    if (again.at(-1)?.identity !== archive?.identity) throw this.#replaced()
    if (damaged === undefined) return undefined
    if (evenDamaged && damaged.error.kind === 'corrupt') return damaged.copy
    throw damaged.error
  }

  /**
   * Looks up groups of files in this order: all at once where that costs hardly more, else a group
   * when it is asked for.
   */
  async #lookUp(
    groups: readonly (readonly string[])[],
    call: CallOptions,
  ): Promise<(group: number) => Promise<readonly (Stat | undefined)[]>> {
    if (!this.#store.traits.looksTogether) return (group) => this.#store.statAll(groups[group] ?? [], call)
    const found = await this.#store.statAll(groups.flat(), call)
    return async (group) => {
      const start = groups.slice(0, group).flat().length
      return found.slice(start, start + (groups[group] ?? []).length)
    }
  }

  #marks(key: Key): readonly string[] {
    const tombstone = tombstonePath(this.#directory, keyFileName(key.text))
    return [tombstone, this.#archive.path, tombstone]
  }

  async #judge(key: Key, marks: readonly (Stat | undefined)[], call: CallOptions): Promise<ArchiveState> {
    const [before, archive, after] = marks
    const dropped = before !== undefined || after !== undefined
    if (dropped || archive === undefined) return { archived: undefined, dropped }
    return { archived: await this.#archive.find(key, archive, call), dropped }
  }

  get #layoutFile(): string {
    return `${this.#directory}/${LAYOUT_FILE}`
  }

  datasetGone(): StoreError {
    const message = `the dataset is not there any more: is the store mounted? (no ${LAYOUT_FILE})`
    return new StoreError({
      kind: 'missing',
      op: 'stat',
      where: `${this.#store.traits.root}/${this.#directory}`,
      message,
    })
  }

  #replaced(): StoreError {
    const where = `${this.#store.traits.root}/${this.#archive.path}`
    const message = 'the archive is replaced again and again while a key is looked for'
    return new StoreError({ kind: 'conflict', op: 'stat', where, message })
  }

  /** A copy of another length is neither there nor absent. */
  #damaged(path: string, key: Key, copy: Pick<Stat, 'size' | 'doubt'>): StoreError {
    return wrongLength('stat', `${this.#store.traits.root}/${path}`, copy, key)
  }
}

function unlessMoving(error: unknown): undefined {
  if (!isStoreError(error, 'conflict')) throw error
}

function isWhole(key: Key, bytes: number): boolean {
  return key.size === undefined || key.size === bytes
}
