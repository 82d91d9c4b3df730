import { KeyTable } from '../../core/tables/key-table.ts'
import { Numbers } from '../../core/tables/numbers.ts'
import { ShortTexts } from '../../core/tables/short-texts.ts'
import { Texts } from '../../core/tables/texts.ts'
import { encode, isText } from '../../core/text.ts'
import { keyOfFileName } from '../../ria/layout/places.ts'
import type { Permissions } from '../../store/store.ts'

/** A key that lies loose. */
export interface LooseKey {
  /** In the table of those that were listed. */
  readonly number: number
  readonly key: string
  readonly fileName: string
  /** `<h1>/<h2>/<key>/<key>`, below annex/objects. */
  readonly place: string
  readonly size: number
  readonly identity: string
  readonly permissions?: Permissions | undefined
  /** The same key in its other hash directories. */
  readonly twin?: Copy | undefined
}

type Copy = Pick<LooseKey, 'place' | 'size' | 'identity'>

/** What becomes of a loose key that may be packed. */
export const STATE = {
  /** It may be packed. */
  wanted: 0,
  /** It stays loose all the same. */
  kept: 1,
  /** The archive has it, good: only the loose copy has to go. */
  already: 2,
  /** It is to be packed. */
  add: 3,
  /** A new archive has it, and that copy is being read. */
  read: 4,
  /** A new archive has it, good. */
  packed: 5,
  /** What lies loose is not the key's content. */
  damaged: 6,
  /** It was dropped or replaced while it was packed. */
  changed: 7,
  /** It lies as it did, and is not in the new archive. */
  unread: 8,
  /** It is neither loose any more, nor in the new archive. */
  gone: 9,
} as const

export type State = (typeof STATE)[keyof typeof STATE]

/** The keys in one state, as it is when each is asked for. */
export interface SomeKeys extends Iterable<LooseKey> {
  readonly count: number
  /** Of their contents. */
  readonly bytes: number
  /** Their places. */
  readonly places: Iterable<string> & { readonly size: number; has(place: string): boolean }
}

const FLAG = { archived: 1, copyGone: 2, twinGone: 4 } as const

/** Hash directories are so many characters at most: `abc/def`. */
export const DIRECTORIES_LENGTH = 7

/** Those of a place. */
export function hashDirectoriesOf(place: string): string {
  return place.slice(0, place.indexOf('/', place.indexOf('/') + 1))
}

/**
 * Loose keys that may be packed, by number. A million of them take 140 to 180 MB; an object is made
 * for each that is asked for, and not kept.
 */
export class LooseTable {
  readonly #fileNames = new KeyTable()
  readonly #directories = new ShortTexts(DIRECTORIES_LENGTH)
  readonly #sizes = new Numbers(Float64Array)
  readonly #identities = new Texts()
  /** By key: the number of its text above. */
  readonly #identity = new Numbers(Uint32Array)
  readonly #states = new Numbers(Uint8Array)
  readonly #flags = new Numbers(Uint8Array)
  /** Few differ: by key one more than the number of its own, 0 for none. */
  readonly #permissions: Permissions[] = []
  readonly #permission = new Numbers(Uint32Array)
  readonly #permissionNumbers = new Map<string, number>()
  /** Keys with `/ & % :` alone can have one. */
  readonly #twins = new Map<number, Copy>()

  /** How many keys there are, in whichever state. */
  get size(): number {
    return this.#fileNames.size
  }

  /** Adds a file. `isFirst`: it lies where the key is written first, should there be two of it. */
  add(file: Omit<LooseKey, 'number' | 'key' | 'twin'>, isFirst: boolean): void {
    const isNew = !this.#fileNames.has(file.fileName)
    const number = this.#fileNames.add(file.fileName)
    if (isNew) this.#set(number, file)
    else if (isFirst) {
      this.#twins.set(number, copyOf(this.get(number)))
      this.#set(number, file)
    } else this.#twins.set(number, copyOf(file))
  }

  #set(number: number, { place, size, identity, permissions }: Omit<LooseKey, 'number' | 'key' | 'twin'>): void {
    this.#directories.set(number, hashDirectoriesOf(place))
    this.#sizes.set(number, size)
    this.#identity.set(number, this.#identities.add(encode(identity)))
    this.#permission.set(number, permissions === undefined ? 0 : this.#numberOf(permissions) + 1)
  }

  #numberOf(permissions: Permissions): number {
    const text = [permissions.uid, permissions.gid, permissions.mode].join()
    const number = this.#permissionNumbers.get(text) ?? this.#permissions.push(permissions) - 1
    this.#permissionNumbers.set(text, number)
    return number
  }

  get(number: number): LooseKey {
    const fileName = this.#fileNames.text(number)
    return {
      number,
      key: keyOfFileName(fileName) ?? '',
      fileName,
      place: this.#placeOf(number, fileName),
      size: this.#sizes.get(number),
      identity: this.#identities.text(this.#identity.get(number)),
      permissions: this.#permissions[this.#permission.get(number) - 1],
      twin: this.#twins.get(number),
    }
  }

  /** The number of the key with this file name; undefined when it is none of these. */
  find(fileName: string): number | undefined {
    return isText(fileName) ? this.#fileNames.find(fileName) : undefined
  }

  stateOf(number: number): State {
    return this.#states.get(number) as State
  }

  setState(number: number, state: State): void {
    this.#states.set(number, state)
  }

  /** Changes the state of all keys that are in another. */
  setAll(from: State, to: State): void {
    for (const number of this.#numbersIn(from)) this.#states.set(number, to)
  }

  in(state: State): SomeKeys {
    const numbers = () => this.#numbersIn(state)
    const table = this
    return {
      get count() {
        return table.#sum(state, () => 1)
      },
      get bytes() {
        return table.#sum(state, (number) => table.#sizes.get(number))
      },
      *[Symbol.iterator]() {
        for (const number of numbers()) yield table.get(number)
      },
      places: {
        get size() {
          return table.#sum(state, () => 1)
        },
        has: (place) => table.#numberAt(place, state) !== undefined,
        *[Symbol.iterator]() {
          for (const number of numbers()) yield table.#placeOf(number)
        },
      },
    }
  }

  /** The key in this state that lies at this place. */
  at(place: string, state: State): LooseKey | undefined {
    const number = this.#numberAt(place, state)
    return number === undefined ? undefined : this.get(number)
  }

  /** The archive has the key, too, good or not. */
  isArchived(number: number): boolean {
    return this.#hasFlag(number, FLAG.archived)
  }

  setArchived(number: number): void {
    this.#setFlag(number, FLAG.archived)
  }

  /** Nothing lies at this place of the key any more. */
  setGone(number: number, which: 'copy' | 'twin'): void {
    this.#setFlag(number, which === 'copy' ? FLAG.copyGone : FLAG.twinGone)
  }

  /** The files of all keys. `isGone`: nothing lies there any more, so far as is known. */
  *files(): Iterable<{
    readonly number: number
    readonly place: string
    readonly size: number
    readonly isGone: boolean
  }> {
    for (let number = 0; number < this.size; number++) {
      const isGone = this.#hasFlag(number, FLAG.copyGone)
      yield { number, place: this.#placeOf(number), size: this.#sizes.get(number), isGone }
      const twin = this.#twins.get(number)
      if (twin !== undefined) yield { number, ...twin, isGone: this.#hasFlag(number, FLAG.twinGone) }
    }
  }

  #hasFlag(number: number, flag: number): boolean {
    return (this.#flags.get(number) & flag) !== 0
  }

  #setFlag(number: number, flag: number): void {
    this.#flags.set(number, this.#flags.get(number) | flag)
  }

  #placeOf(number: number, fileName = this.#fileNames.text(number)): string {
    return `${this.#directories.get(number)}/${fileName}/${fileName}`
  }

  #numberAt(place: string, state: State): number | undefined {
    const number = this.find(place.slice(place.lastIndexOf('/') + 1))
    if (number === undefined || this.stateOf(number) !== state) return undefined
    return this.#placeOf(number) === place ? number : undefined
  }

  *#numbersIn(state: State): IterableIterator<number> {
    for (let number = 0; number < this.size; number++) if (this.#states.get(number) === state) yield number
  }

  #sum(state: State, of: (number: number) => number): number {
    let sum = 0
    for (const number of this.#numbersIn(state)) sum += of(number)
    return sum
  }
}

function copyOf({ place, size, identity }: Copy): Copy {
  return { place, size, identity }
}
