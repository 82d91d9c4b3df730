import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs'
import { checksumOf } from '../../core/checksum.ts'
import { AT_ONCE_BYTES } from '../../core/files.ts'
import { toFsPath } from '../../core/text.ts'
import type { AtOnce, PutAtOnceOptions } from '../../store/at-once.ts'
import type { Stat } from '../../store/store.ts'
import { LAYOUT_FILE } from '../layout/paths.ts'
import { lockPath } from '../layout/places.ts'
import type { StoredDataset } from '../layout/stored-dataset.ts'
import type { KeyPlaces } from './key-finder.ts'

/**
 * The plain cases of what KeyFinder and RiaDataset do, without waiting, for a dataset without an
 * archive. They look at the same things in the same order. Undefined, or false, proves nothing:
 * then the ordinary way is to be gone, from its beginning.
 */
export class KeysAtOnce {
  readonly #dataset: StoredDataset
  readonly #archive: string

  /** `archive`: where an archive would be. */
  constructor(dataset: StoredDataset, archive: string) {
    this.#dataset = dataset
    this.#archive = archive
  }

  /** Whether a key is there, whole; or proven absent. */
  isPresent({ key, loose }: KeyPlaces): boolean | undefined {
    const atOnce = this.#store
    const stats = atOnce?.statAll(loose)
    if (atOnce === undefined || stats === undefined) return undefined
    const first = stats.find((stat) => stat !== undefined)
    if (first !== undefined) return key.size === undefined || first.size === key.size ? true : undefined
    return this.#sees(atOnce, [this.#archive, this.#layoutFile, ...loose, this.#archive]) ? false : undefined
  }

  /** Stores content; a promise where a slow disk has yet to flush a directory. */
  store(
    { loose: [path = ''] }: KeyPlaces,
    content: Uint8Array,
    options: Omit<PutAtOnceOptions, 'within'>,
  ): Stat | Promise<Stat> | undefined {
    return this.#store?.put(path, content, { ...options, within: this.#dataset.directory })
  }

  /** True when a key is gone, and is proven to be. */
  remove({ loose }: KeyPlaces): boolean {
    const atOnce = this.#store
    if (atOnce === undefined || !loose.every((path) => atOnce.remove(path, 2))) return false
    const lock = lockPath(this.#dataset.directory)
    return this.#sees(atOnce, [lock, this.#archive, this.#layoutFile, ...loose, this.#archive])
  }

  /** Downloads a small key into a file that has nothing yet. */
  retrieve({ key, loose: [path = ''] }: KeyPlaces, file: string, verify: boolean): boolean {
    if (key.size === undefined || key.size > AT_ONCE_BYTES) return false
    const content = this.#store?.read(path, key.size)
    if (content === undefined) return false
    const checksum = verify ? checksumOf(key) : undefined
    if (checksum !== undefined && checksum.matches(content) !== true) return false
    return writeEmpty(file, content)
  }

  get #store(): AtOnce | undefined {
    return this.#dataset.store.atOnce
  }

  get #layoutFile(): string {
    return this.#dataset.path(LAYOUT_FILE)
  }

  /** Whether of these files, one after the other, the layout file alone is there. */
  #sees(atOnce: AtOnce, paths: readonly string[]): boolean {
    const stats = atOnce.statAll(paths)
    return stats?.every((stat, i) => (stat !== undefined) === (paths[i] === this.#layoutFile)) === true
  }
}

/** False when it was not empty, and when it is not whole: what was written is the beginning. */
function writeEmpty(file: string, content: Uint8Array): boolean {
  let fd: number | undefined
  try {
    fd = openSync(toFsPath(file), constants.O_RDWR | constants.O_CREAT, 0o666)
    if (fstatSync(fd).size !== 0) return false
    return writeSync(fd, content, 0, content.length, 0) === content.length
  } catch {
    return false
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}
