import { isPackable } from '../../archive/seven-zip/seven-zip.ts'
import { type Key, parseKey } from '../../core/key.ts'
import { forEachParallel } from '../../core/parallel.ts'
import { fileNameOf, keyAtPlace, objectsDirectory, placesOf } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Entry } from '../../store/store.ts'
import { isTemporaryName } from '../../store/temporary.ts'
import { InodeCount, Walk } from './inodes.ts'
import { LooseTable, type State } from './loose-table.ts'

/** Why a loose key is not packed. */
export type LeftReason =
  /** Younger than `olderThanMs`. */
  | 'recent'
  /** Larger than `maxBytes`. */
  | 'large'
  /** git-remote-annex rewrites its keys in place. */
  | 'git'
  /** 7z could not write its name as it is. */
  | 'name'
  /** Not where a client looks for it: no client has it, nor would it find it in the archive. */
  | 'misplaced'
  /** Its length is not the key's. */
  | 'damaged'
  /**
   * It was dropped from the archive and stored again, and the mark of that is still there: the next
   * run packs it.
   */
  | 'returning'
  /** Others may read it than may read the archive. */
  | 'readers'

export interface Filter {
  readonly olderThanMs?: number | undefined
  readonly maxBytes?: number | undefined
}

export interface LooseKeys {
  /** What may be packed. */
  readonly keys: LooseTable
  /** Of files that may not. */
  readonly left: Partial<Record<LeftReason, number>>
  /** The damaged ones, by place. */
  readonly damaged: string[]
  /** What all of them take up. */
  readonly usage: LooseUsage
  /** What they take up without those in these states, and without what is known to be gone. */
  without(...states: readonly State[]): LooseUsage
  /** What they take up with files at these places too, where there was none: bytes by place. */
  with(added: ReadonlyMap<string, number>): LooseUsage
}

/** What loose keys take up. */
export interface LooseUsage {
  /** Of files: a key may have two. */
  readonly count: number
  readonly bytes: number
  /** Files and directories that hold them, below annex/objects; 0 in a store without such. */
  readonly inodes: number
}

export interface ListOptions extends CallOptions {
  readonly version: string
  readonly filter: Filter
  /** Keys with a tombstone, by file name; listed before. */
  readonly dropped: ReadonlySet<string>
  /** Now, by the store's clock, in ms since 1970. */
  readonly now: number
}

/** Lists a dataset's loose keys, and says which of them may be packed. */
export async function listLoose(dataset: StoredDataset, options: ListOptions): Promise<LooseKeys> {
  const { flat, maxInFlight } = dataset.store.traits
  const listing = new Listing(options, flat !== true)
  const top = objectsDirectory(dataset.directory)
  const call = options.signal ? { signal: options.signal } : {}
  const walk = async (below: string) => {
    const walked = newWalk()
    for await (const entry of dataset.store.list(below, call))
      listing.add(entry.path.slice(top.length + 1), entry, walked)
  }
  if (flat) {
    await walk(top)
    return listing
  }
  const directories: string[] = []
  const walked = newWalk()
  for await (const { path, file } of dataset.store.children(top, call)) {
    if (file === undefined) directories.push(path)
    else listing.add(path.slice(top.length + 1), file, walked)
  }
  // Many walks at once: most of the time each waits, for the disk or for the server.
  await forEachParallel(directories, maxInFlight, walk)
  return listing
}

/** One walk is counted in both. */
const newWalk = () => ({ all: new Walk(), left: new Walk() })

class Listing implements LooseKeys {
  readonly keys = new LooseTable()
  readonly left: Partial<Record<LeftReason, number>> = {}
  readonly damaged: string[] = []
  #count = 0
  #bytes = 0
  readonly #all = new InodeCount()
  /** Without what is wanted. */
  readonly #left = new InodeCount()
  readonly #options: ListOptions
  readonly #hasDirectories: boolean

  constructor(options: ListOptions, hasDirectories: boolean) {
    this.#options = options
    this.#hasDirectories = hasDirectories
  }

  get usage(): LooseUsage {
    return { count: this.#count, bytes: this.#bytes, inodes: this.#all.count }
  }

  without(...states: readonly State[]): LooseUsage {
    let { count, bytes } = this.usage
    const { keys } = this
    const staying = function* () {
      for (const { number, place, size, isGone } of keys.files()) {
        if (isGone || states.includes(keys.stateOf(number))) {
          count -= 1
          bytes -= size
        } else yield place
      }
    }
    const inodes = this.#left.with(staying())
    return { count, bytes, inodes: this.#hasDirectories ? inodes : 0 }
  }

  with(added: ReadonlyMap<string, number>): LooseUsage {
    const { count, bytes } = this.usage
    return {
      count: count + added.size,
      bytes: bytes + sum([...added.values()]),
      inodes: this.#hasDirectories ? this.#all.with(added.keys()) : 0,
    }
  }

  add(place: string, entry: Entry, walked: ReturnType<typeof newWalk>): void {
    const isWanted = this.#isWanted(place, entry)
    if (!this.#hasDirectories) return
    this.#all.add(place, true, walked.all)
    if (!isWanted) this.#left.add(place, keyAtPlace(place) !== undefined, walked.left)
  }

  #isWanted(place: string, { size, identity, mtimeMs, permissions }: Entry): boolean {
    if (isTemporaryName(fileNameOf(place))) return false
    this.#count += 1
    this.#bytes += size
    const found = keyAtPlace(place)
    const order = found === undefined ? -1 : placesOf(found.key, this.#options.version).indexOf(place)
    if (found === undefined || order < 0) {
      this.#leave('misplaced')
      return false
    }
    const { key, fileName } = found
    const reason = this.#reasonToLeave(key, place, size, mtimeMs)
    if (reason === 'damaged') this.damaged.push(place)
    if (reason !== undefined) {
      this.#leave(reason)
      return false
    }
    this.keys.add({ fileName, place, size, identity, permissions }, order === 0)
    return true
  }

  #reasonToLeave(text: string, place: string, size: number, mtimeMs: number | undefined): LeftReason | undefined {
    const { filter, dropped, now } = this.#options
    const key = parseKey(text)
    const reason = reasonNotToPack(key, place)
    if (reason === 'git') return reason
    if (key.size !== undefined && key.size !== size) return 'damaged'
    if (dropped.has(fileNameOf(place))) return 'returning'
    if (reason !== undefined) return reason
    if (filter.maxBytes !== undefined && size > filter.maxBytes) return 'large'
    // Where nobody knows how old it is, it is not known to be old enough.
    if (filter.olderThanMs !== undefined && (mtimeMs === undefined || now - mtimeMs < filter.olderThanMs))
      return 'recent'
    return undefined
  }

  #leave(reason: LeftReason): void {
    this.left[reason] = (this.left[reason] ?? 0) + 1
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, number) => all + number, 0)
}

/** Why a key is never packed that would lie at this place. */
export function reasonNotToPack({ backend }: Key, place: string): 'git' | 'name' | undefined {
  if (backend === 'GITMANIFEST' || backend === 'GITBUNDLE') return 'git'
  return isWritablePlace(place) ? undefined : 'name'
}

/**
 * Names that every 7z keeps as they are: no quotes and backslashes, no white space at an end, and
 * what isPackable says.
 */
function isWritablePlace(place: string): boolean {
  return isPackable(place) && !/["\\\u2028\u2029\uFEFF\uFFFD]|\s$/u.test(place)
}
