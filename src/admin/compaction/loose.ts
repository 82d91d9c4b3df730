import { isPackable } from '../../archive/seven-zip/seven-zip.ts'
import { type Key, parseKey } from '../../core/key.ts'
import { forEachParallel } from '../../core/parallel.ts'
import { fileNameOf, keyAtPlace, objectsDirectory, placesOf } from '../../ria/layout/places.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Entry, Permissions } from '../../store/store.ts'
import { isTemporaryName } from '../../store/temporary.ts'
import { InodeCount } from './inodes.ts'

/** A key that lies loose. */
export interface LooseKey {
  readonly key: string
  readonly fileName: string
  /** `<h1>/<h2>/<key>/<key>`, below annex/objects. */
  readonly place: string
  readonly size: number
  readonly identity: string
  readonly permissions?: Permissions | undefined
  /** The same key in its other hash directories. */
  readonly twin?: Pick<LooseKey, 'place' | 'size' | 'identity'>
}

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
  /** What is to be packed, by file name. */
  readonly wanted: Map<string, LooseKey>
  readonly left: Partial<Record<LeftReason, number>>
  /** The damaged ones, by place. */
  readonly damaged: string[]
  /** What was wanted first, and stays loose all the same. */
  readonly kept: LooseKey[]
  /** What all of them take up. */
  readonly usage: LooseUsage
  /** What they take up without the files of wanted keys at these places. */
  without(gone: ReadonlySet<string>): LooseUsage
  /** What they take up with files at these places too, where there was none: bytes by place. */
  with(added: ReadonlyMap<string, number>): LooseUsage
}

/** What loose keys take up. */
export interface LooseUsage {
  /** Of files: a key may have two. */
  readonly count: number
  readonly bytes: number
  /** Files and directories that hold them, below annex/objects. */
  readonly inodes: number
}

/** Where the files of some keys lie. */
export function placesOfAll(keys: readonly LooseKey[]): Set<string> {
  return new Set(keys.flatMap(({ place, twin }) => (twin === undefined ? [place] : [place, twin.place])))
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
  const listing = new Listing(options)
  const top = objectsDirectory(dataset.directory)
  const call = options.signal ? { signal: options.signal } : {}
  const walk = async (below: string) => {
    const walked = listing.newWalk(below.slice(top.length + 1))
    for await (const entry of dataset.store.list(below, call))
      listing.add(entry.path.slice(top.length + 1), entry, walked)
  }
  if (dataset.store.traits.flat) {
    await walk(top)
    return listing
  }
  const directories: string[] = []
  const walked = listing.newWalk('')
  for await (const { path, file } of dataset.store.children(top, call)) {
    if (file === undefined) directories.push(path)
    else listing.add(path.slice(top.length + 1), file, walked)
  }
  // Many walks at once: most of the time each waits, for the disk or for the server.
  await forEachParallel(directories, dataset.store.traits.maxInFlight, walk)
  return listing
}

/** What was counted on one walk. */
interface Walk {
  readonly all: InodeCount
  /** Without what is wanted. */
  readonly left: InodeCount
}

class Listing implements LooseKeys {
  readonly wanted = new Map<string, LooseKey>()
  readonly left: Partial<Record<LeftReason, number>> = {}
  readonly damaged: string[] = []
  readonly kept: LooseKey[] = []
  #count = 0
  #bytes = 0
  /** By the directory that was walked: its name, or empty for the whole. */
  readonly #walks = new Map<string, Walk>()
  readonly #options: ListOptions

  constructor(options: ListOptions) {
    this.#options = options
  }

  get usage(): LooseUsage {
    return {
      count: this.#count,
      bytes: this.#bytes,
      inodes: sum([...this.#walks.values()].map(({ all }) => all.count)),
    }
  }

  without(gone: ReadonlySet<string>): LooseUsage {
    let { count, bytes } = this.usage
    const staying: string[] = []
    for (const key of [...this.wanted.values(), ...this.kept]) {
      for (const { place, size } of key.twin === undefined ? [key] : [key, key.twin]) {
        if (gone.has(place)) {
          count -= 1
          bytes -= size
        } else staying.push(place)
      }
    }
    return { count, bytes, inodes: this.#inodesWith('left', staying) }
  }

  with(added: ReadonlyMap<string, number>): LooseUsage {
    const { count, bytes } = this.usage
    return {
      count: count + added.size,
      bytes: bytes + sum([...added.values()]),
      inodes: this.#inodesWith('all', added.keys()),
    }
  }

  #inodesWith(counted: keyof Walk, places: Iterable<string>): number {
    const byWalk = new Map([...this.#walks.keys()].map((name) => [name, [] as string[]]))
    for (const place of places) (byWalk.get(place.slice(0, place.indexOf('/'))) ?? byWalk.get(''))?.push(place)
    return sum([...this.#walks].map(([name, walk]) => walk[counted].with(byWalk.get(name) ?? [])))
  }

  newWalk(name: string): Walk {
    const walk = { all: new InodeCount(), left: new InodeCount() }
    this.#walks.set(name, walk)
    return walk
  }

  add(place: string, entry: Entry, { all, left }: Walk): void {
    all.add(place)
    if (!this.#isWanted(place, entry)) left.add(place, keyAtPlace(place) !== undefined)
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
    const loose = { key, fileName, place, size, identity, permissions }
    const other = this.wanted.get(fileName)
    if (other === undefined) this.wanted.set(fileName, loose)
    else this.wanted.set(fileName, order === 0 ? { ...loose, twin: other } : { ...other, twin: loose })
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
