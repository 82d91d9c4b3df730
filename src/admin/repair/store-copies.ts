import { mkdtemp } from 'node:fs/promises'
import { join } from 'node:path'
import { isStoreError } from '../../core/errors.ts'
import { parseKey } from '../../core/key.ts'
import type { Source } from '../../core/source.ts'
import { gather } from '../../git/mend/gather.ts'
import type { OtherObjects } from '../../git/mend/plan.ts'
import { StoredRepository } from '../../git/repository.ts'
import { DatasetArchive } from '../../ria/keys/dataset-archive.ts'
import { KeyFinder } from '../../ria/keys/key-finder.ts'
import { keyPaths } from '../../ria/layout/paths.ts'
import { readLayout } from '../../ria/layout/read-layout.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { pulledSource } from '../../store/pulled-source.ts'
import type { CallOptions } from '../../store/store.ts'
import type { GoodCopies } from './good-copies.ts'

/** The same dataset in another store, which is not closed by this. */
export class StoreCopies implements GoodCopies {
  readonly where: string
  readonly #dataset: StoredDataset
  readonly #archive: DatasetArchive
  readonly #finder: KeyFinder
  #version: Promise<string> | undefined

  constructor(dataset: StoredDataset) {
    this.where = dataset.where()
    this.#dataset = dataset
    this.#archive = new DatasetArchive(dataset, undefined)
    this.#finder = new KeyFinder(dataset, this.#archive)
  }

  async find(key: string, call: CallOptions): Promise<Source | undefined> {
    try {
      this.#version ??= readLayout(this.#dataset, call).then((layout) => layout.dataset.version)
      const loose = keyPaths(this.#dataset.directory, await this.#version, key)
      const copy = await this.#finder.find({ key: parseKey(key), loose }, call)
      if (copy === undefined) return undefined
      const size = parseKey(key).size ?? (copy.path && (await this.#dataset.store.stat(copy.path, call))?.size)
      if (size === undefined || size === '') return undefined
      return pulledSource(size, (consume, options) => copy.read(consume, options))
    } catch (error) {
      // It is as damaged there, or not there at all.
      if (!isStoreError(error, 'corrupt', 'missing', 'unsupported')) throw error
      return undefined
    }
  }

  async objects(work: string, call: CallOptions): Promise<OtherObjects | undefined> {
    try {
      const state = await new StoredRepository(this.#dataset, { gitDir: undefined, shows: false }).state(call)
      const directory = await mkdtemp(join(work, 'store-'))
      return { gitDir: (await gather(this.#dataset, state, directory, call)).all, isPartial: false }
    } catch (error) {
      if (!isStoreError(error, 'corrupt', 'missing', 'unsupported')) throw error
      return undefined
    }
  }

  close(): Promise<void> {
    return this.#archive.close()
  }
}
