import { randomBytes } from 'node:crypto'
import { bufferSource } from '../../core/source.ts'
import { copyingDirectory } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Entry } from '../../store/store.ts'

/** The clocks of some backends tell whole seconds. ms. */
const CLOCK_MS = 2_000

/**
 * A file in the copy whose time, by the clock of the store, says until when all that the run has
 * put there was read back. A run that is killed leaves it, so that the next one knows which files
 * nobody has looked at.
 */
export class CopyMarker {
  readonly #copy: StoredDataset
  readonly #path: string
  readonly #call: CallOptions
  #isThere = false

  constructor(copy: StoredDataset, call: CallOptions) {
    this.#copy = copy
    this.#path = `${copyingDirectory(copy.directory)}/${randomBytes(8).toString('hex')}`
    this.#call = call
  }

  /** Before the first file is put. Makes the directory of the copy. */
  async begin(): Promise<void> {
    if (!this.#isThere) await this.proven()
  }

  /** Says that all that we put so far was read back. */
  async proven(): Promise<void> {
    await this.#copy.store.put(this.#path, bufferSource('riastore copy\n'), this.#call)
    this.#isThere = true
  }

  async remove(): Promise<void> {
    if (this.#isThere) await this.#copy.store.remove(this.#path, { ...this.#call, pruneParents: 1 })
  }
}

/** What runs left that were killed, or are at work now. */
export async function findMarkers(copy: StoredDataset, call: CallOptions): Promise<readonly Entry[]> {
  const found: Entry[] = []
  for await (const entry of copy.store.list(copyingDirectory(copy.directory), call)) found.push(entry)
  return found
}

/** Whether a file was put after one of the markers: then it may be that nobody has read it back. */
export function isUnproven({ mtimeMs }: Pick<Entry, 'mtimeMs'>, markers: readonly Entry[]): boolean {
  return markers.some(
    (marker) => marker.mtimeMs === undefined || mtimeMs === undefined || mtimeMs >= marker.mtimeMs - CLOCK_MS,
  )
}

/**
 * Removes those that were not written again: their runs are over, and what they put was looked at.
 */
export async function removeMarkers(copy: StoredDataset, markers: readonly Entry[], call: CallOptions): Promise<void> {
  for (const { path, identity } of markers) {
    if ((await copy.store.stat(path, call))?.identity === identity) await copy.store.remove(path, call)
  }
}
