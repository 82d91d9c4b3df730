import { objectsDirectory } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Entry } from '../../store/store.ts'

/** So many are held at once, about 200 bytes each; of more only those of one directory. */
const HELD_AT_MOST = 100_000

export interface KeysThereOptions extends CallOptions {
  /** Takes out what may not be whole, each time that keys were listed. */
  readonly prove?: ((listed: Map<string, Entry>) => Promise<void>) | undefined
  readonly heldAtMost?: number | undefined
}

/** The loose keys of a copy, by their places below annex/objects. */
export class KeysThere {
  readonly #copy: StoredDataset
  readonly #options: KeysThereOptions
  /** Undefined: they are too many. */
  #all: Map<string, Entry> | undefined
  #top: string | undefined
  #ofTop = new Map<string, Entry>()

  private constructor(copy: StoredDataset, options: KeysThereOptions) {
    this.#copy = copy
    this.#options = options
  }

  /** Lists them, with one walk if they are not too many. */
  static async open(copy: StoredDataset, options: KeysThereOptions = {}): Promise<KeysThere> {
    const there = new KeysThere(copy, options)
    there.#all = await there.#list('', options.heldAtMost ?? HELD_AT_MOST)
    return there
  }

  /** Those in the first-level directory of a place, and maybe others. */
  async near(place: string): Promise<ReadonlyMap<string, Entry>> {
    if (this.#all !== undefined) return this.#all
    const top = topOf(place)
    if (top !== this.#top) {
      this.#ofTop = (await this.#list(top, Number.POSITIVE_INFINITY)) ?? new Map()
      this.#top = top
    }
    return this.#ofTop
  }

  /** One was stored. */
  add(place: string, entry: Entry): void {
    if (this.#all !== undefined) this.#all.set(place, entry)
    else if (topOf(place) === this.#top) this.#ofTop.set(place, entry)
  }

  /** Whether there is one at any of these places, by what is known or by a look. */
  async hasAny(places: readonly string[], call: CallOptions): Promise<boolean> {
    const all = this.#all
    if (all !== undefined) return places.some((place) => all.has(place))
    const top = objectsDirectory(this.#copy.directory)
    const found = await this.#copy.store.statAll(
      places.map((place) => `${top}/${place}`),
      call,
    )
    return found.some((stat) => stat !== undefined)
  }

  /** Undefined when there are more than `atMost`. */
  async #list(top: string, atMost: number): Promise<Map<string, Entry> | undefined> {
    const { prove, signal } = this.#options
    const objects = objectsDirectory(this.#copy.directory)
    const listed = new Map<string, Entry>()
    for await (const entry of this.#copy.store.list(top === '' ? objects : `${objects}/${top}`, { signal })) {
      listed.set(entry.path.slice(objects.length + 1), entry)
      if (listed.size > atMost) return undefined
    }
    await prove?.(listed)
    return listed
  }
}

const topOf = (place: string) => place.slice(0, place.indexOf('/'))
