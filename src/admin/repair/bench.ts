import { isStoreError } from '../../core/errors.ts'
import { bufferSource, type Source } from '../../core/source.ts'
import { archivesDirectory, fileNameOf } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { pulledSource } from '../../store/pulled-source.ts'
import type { CallOptions, Sharing, Stat, Store } from '../../store/store.ts'
import { temporaryName } from '../../store/temporary.ts'
import type { Changes } from '../lock/changes.ts'
import type { Replacing } from '../lock/replace-copy.ts'
import { examineLoose } from './examine.ts'
import { holds } from './holds.ts'

export interface BenchOptions extends CallOptions {
  readonly sharing: Sharing | undefined
  /** Of the directory in `quarantine/` that this run uses. */
  readonly stamp: string
}

/** Where a dataset is worked on by the holder of its lock: what repairs have in common. */
export class Bench {
  readonly dataset: StoredDataset
  readonly changes: Changes
  readonly call: CallOptions
  readonly #replacing: Replacing
  readonly #options: BenchOptions
  readonly #kept = new Set<string>()

  constructor(dataset: StoredDataset, changes: Changes, replacing: Replacing, options: BenchOptions) {
    this.dataset = dataset
    this.changes = changes
    this.call = { signal: options.signal }
    this.#replacing = replacing
    this.#options = options
  }

  /** Where a file that is taken away is kept; no two have the same place. */
  quarantineOf(path: string): string {
    for (let count = 1; ; count++) {
      const directory = `quarantine/${this.#options.stamp}${count === 1 ? '' : `-${count}`}`
      const place = this.dataset.path(`${directory}/${fileNameOf(path)}`)
      if (this.#kept.has(place)) continue
      this.#kept.add(place)
      return place
    }
  }

  /**
   * Stores a content where nobody looks for it, and reads it back. Undefined, and nothing is left,
   * when it is not the key's.
   */
  async stage(source: Source, key: string): Promise<string | undefined> {
    const path = `${archivesDirectory(this.dataset.directory)}/${temporaryName()}`
    const { sharing } = this.#options
    try {
      await this.dataset.store.put(path, source, { ...this.call, within: this.dataset.directory, sharing })
    } catch (error) {
      if (!isStoreError(error, 'corrupt', 'missing')) throw error // the source is not what it should be
      return undefined
    }
    const staged = await examineLoose(this.dataset, key, path, this.call)
    if (staged?.outcome === 'good') return path
    await this.changes.removeOwn([path], 'whichever')
    return undefined
  }

  /**
   * Stores a file that is no key where nobody looks for it. Throws `corrupt` unless it came whole.
   */
  async stageFile(source: Source): Promise<string> {
    const path = `${archivesDirectory(this.dataset.directory)}/${temporaryName()}`
    const { sharing } = this.#options
    const { store, directory } = this.dataset
    await store.put(path, source, { ...this.call, within: directory, sharing })
    if (await holds(store, path, source, this.call)) return path
    await this.changes.removeOwn([path], 'whichever')
    throw this.dataset.error('corrupt', 'repair', 'what was to be put there did not come whole', { path })
  }

  /** Keeps what is not a file of the store under `to`, for people. */
  async keepText(to: string, text: string): Promise<void> {
    const { sharing } = this.#options
    await this.dataset.store.put(to, bufferSource(text), { ...this.call, within: this.dataset.directory, sharing })
  }

  /** The same as `stage` with a file of the dataset, which takes on the dataset's modes. */
  async stageCopy({ path, identity }: { readonly path: string; readonly identity: string }, key: string) {
    const stat = await this.dataset.store.stat(path, this.call)
    return stat?.identity === identity ? this.stage(fileOf(this.dataset.store, path, stat), key) : undefined
  }

  /** Throws away what was staged and is not needed. */
  unstage(path: string): Promise<void> {
    return this.changes.removeOwn([path], 'whichever')
  }

  putInPlace(staged: string, path: string): Promise<void> {
    return this.#replacing.putInPlace(staged, path)
  }

  /**
   * Takes a file away, to be kept as `to`, and puts `staged` in its place if there is one. False
   * when it is not what it was any more; then nothing is changed. With `key`, `to` is where that
   * key belongs, and the file is a good copy of it.
   */
  async setAside(
    file: { readonly path: string; readonly identity: string },
    to: string,
    { staged, key }: { readonly staged?: string | undefined; readonly key?: string | undefined } = {},
  ): Promise<boolean> {
    if (this.#replacing.isFence) return this.#replacing.setAside(file, to, staged)
    if (!(await this.#keep(file, to, key))) return false
    const isDone = await this.#replacing.setAside(file, to, staged)
    if (!isDone) await this.changes.removeOwn([to], 'whichever')
    return isDone
  }

  /**
   * Puts `staged` over a file, which is kept as `to`, in one step. False when it is not what it was
   * any more; then nothing is changed.
   */
  async putOver(
    file: { readonly path: string; readonly identity: string },
    to: string,
    staged: string,
  ): Promise<boolean> {
    const isDone = (await this.#keep(file, to, undefined)) && (await this.#replacing.putOver(file, to, staged))
    if (!isDone) await this.changes.removeOwn([to, staged], 'whichever')
    return isDone
  }

  /**
   * Takes away a file that is no key, to be kept as `to`. False when it is not what it was any
   * more; then nothing is changed. With `isLarge` it is not copied where it can be renamed.
   */
  async takeAway(
    file: { readonly path: string; readonly identity: string },
    to: string,
    { isLarge = false } = {},
  ): Promise<boolean> {
    if (isLarge && this.#replacing.isFence) return this.#replacing.renameAside(file, to)
    const isDone = (await this.#keep(file, to, undefined)) && (await this.#replacing.removeKept(file, to))
    if (!isDone) await this.changes.removeOwn([to], 'whichever')
    return isDone
  }

  /** Keeps a copy of a file, and looks that all of it came. False when it is not what it was. */
  async #keep(file: { readonly path: string; readonly identity: string }, to: string, key: string | undefined) {
    const { store, directory } = this.dataset
    const stat = await store.stat(file.path, this.call)
    if (stat?.identity !== file.identity) return false
    const kept = await store.put(to, fileOf(store, file.path, stat), { ...this.call, within: directory })
    const isGood = key === undefined || (await examineLoose(this.dataset, key, to, this.call))?.outcome === 'good'
    if (kept.size === stat.size && isGood) return true
    throw this.dataset.error('corrupt', 'repair', 'what is to be kept did not come whole', { path: to })
  }
}

/** A file of a store as something that can be stored. */
function fileOf(store: Store, path: string, { size, identity }: Stat): Source {
  return pulledSource(size, (consume, { start, signal }) =>
    store.get(path, consume, {
      range: () => (start() === 0 ? undefined : { start: start() }),
      ifMatch: identity,
      signal,
    }),
  )
}
