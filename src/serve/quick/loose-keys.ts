import * as fs from 'node:fs'
import { type Checksum, checksumOf } from '../../core/checksum.ts'
import { parseKey } from '../../core/key.ts'
import { keyAtPlace, placesOf } from '../../ria/layout/places.ts'
import { contentHeaders, type Part, partHeaders } from '../content.ts'
import { BYTES } from '../media-type.ts'
import { type FileIdentity, isSameFile, isSettled, type OpenFile, openPlainFile } from './disk-file.ts'
import { type Held, HeldContents } from './held-contents.ts'

/** A key whose content can be held against its name, and where it is asked for. */
export interface CheckedPlace {
  readonly key: string
  readonly size: number
  readonly checksum: Checksum
  /** What is said of it before its content, but for what all answers say. */
  readonly head: string
}

/** The content of a key in memory, or the file that has it. To be closed. */
export type Found = { readonly held: Held } | { readonly file: OpenFile; readonly isChecked: boolean }

/** So many places, and so many files, are remembered. */
const REMEMBERED = 20_000

/** For so long a file that was held against its checksum is taken to be what its disk gave. ms. */
const CHECKED_MS = 3_600_000

/** Finds loose keys of a store on a disk of this machine, with as few system calls as it takes. */
export class LooseKeys {
  readonly #contents: HeldContents
  readonly #places = new Map<string, CheckedPlace | undefined>()
  /** Files that have their checksums. */
  readonly #checked = new Map<string, { readonly identity: FileIdentity; readonly atMs: number }>()

  constructor(contents: HeldContents = new HeldContents()) {
    this.#contents = contents
  }

  /**
   * The key that lies at a place below `annex/objects` in a layout of this version. Undefined where
   * no client looks for one, or it has no checksum or no length.
   */
  at(version: string, place: string): CheckedPlace | undefined {
    const name = `${version} ${place}`
    const known = this.#places.get(name)
    if (known !== undefined) return known
    const key = keyAtPlace(place)?.key
    if (key === undefined || !placesOf(key, version).includes(place)) return undefined
    const parsed = parseKey(key)
    const [size, checksum] = [parsed.size, checksumOf(parsed)]
    if (size === undefined || checksum === undefined) return undefined
    const found = { key, size, checksum, head: headerLines(contentHeaders({ type: BYTES, tag: key }, size)) }
    if (this.#places.size >= REMEMBERED) this.#places.clear()
    this.#places.set(name, found)
    return found
  }

  /** Whether a file has the length of a key. False: ask the store. */
  isThere({ size }: CheckedPlace, path: string): boolean {
    const held = this.#contents.take(path)
    if (held !== undefined) this.#contents.letGo(held)
    if (held?.content.length === size) return true
    const file = openPlainFile(path)
    if (file === undefined) return false
    fs.closeSync(file.fd)
    return file.identity.size === BigInt(size)
  }

  /**
   * The content of a key, which lies in the file `path`, for who wants all of it, or a part. It is
   * read into memory only for all: a part may be a thousandth. Undefined where anything is not as
   * it should be: the store says what it is.
   */
  find(place: CheckedPlace, path: string, part?: Part): Found | undefined {
    const held = this.#contents.take(path)
    if (held !== undefined) return { held }
    const file = openPlainFile(path)
    if (file === undefined) return undefined
    if (file.identity.size === BigInt(place.size)) {
      const isChecked = this.#isChecked(path, file.identity)
      if (part !== undefined || !this.#contents.makeRoom(place.size)) return { file, isChecked }
      const content = readWhole(file.fd, place.size)
      fs.closeSync(file.fd)
      if (content === undefined || !(isChecked || place.checksum.matches(content))) return undefined
      if (!isChecked) this.remember(path, file.identity)
      return { held: this.#contents.add(path, file.identity, content) }
    }
    fs.closeSync(file.fd)
    return undefined
  }

  /** Of what was found nothing is needed any more. */
  close(found: Found): void {
    if ('held' in found) this.#contents.letGo(found.held)
    else fs.closeSync(found.file.fd)
  }

  /** A file was read that has its key's checksum. */
  remember(path: string, identity: FileIdentity): void {
    if (!isSettled(identity)) return
    if (this.#checked.size >= REMEMBERED) this.#checked.clear()
    this.#checked.set(path, { identity, atMs: performance.now() })
  }

  #isChecked(path: string, identity: FileIdentity): boolean {
    const known = this.#checked.get(path)
    return known !== undefined && performance.now() - known.atMs < CHECKED_MS && isSameFile(known.identity, identity)
  }
}

/** What is said of a part of a key, as `CheckedPlace.head` is of all of it. */
export function partHead({ key, size }: CheckedPlace, part: Part): string {
  return headerLines(partHeaders({ type: BYTES, tag: key }, size, part))
}

/** Headers as they are sent. */
export function headerLines(headers: Readonly<Record<string, string | number>>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
}

/** Undefined when the file ends before, or cannot be read. */
function readWhole(fd: number, size: number): Buffer | undefined {
  const content = Buffer.allocUnsafeSlow(size)
  try {
    for (let done = 0; done < size; ) {
      const count = fs.readSync(fd, content, done, size - done, done)
      if (count === 0) return undefined
      done += count
    }
    return content
  } catch {
    return undefined
  }
}
