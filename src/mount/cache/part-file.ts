import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { codeOf } from '../../core/errors.ts'
import type { Places } from './places.ts'
import { BLOCK } from './windows.ts'

/**
 * The file in which a key's blocks are put, of this process alone, and which of them it has. When
 * it is left, that is written behind the content, for whoever goes on with it.
 */
export class PartFile {
  readonly blocks: number
  readonly #name: string
  readonly #size: number
  readonly #places: Places
  readonly #path: string
  readonly #fd: number
  readonly #has: Uint8Array
  #missing: number

  private constructor(places: Places, { name, size }: { readonly name: string; readonly size: number }, path: string) {
    this.#places = places
    this.#name = name
    this.#size = size
    this.#path = path
    this.blocks = Math.ceil(size / BLOCK)
    this.#fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600)
    this.#has = new Uint8Array(this.blocks)
    this.#missing = this.blocks
  }

  /** Goes on with what another process left, if one has. */
  static open(places: Places, key: { readonly name: string; readonly size: number }): PartFile {
    const path = places.part(key.name)
    try {
      renameSync(places.left(key.name), path) // from now on it is ours alone
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
    }
    const part = new PartFile(places, key, path)
    part.#readMap()
    return part
  }

  /** A new, empty one. */
  static create(places: Places, key: { readonly name: string; readonly size: number }): PartFile {
    return new PartFile(places, key, places.part(key.name))
  }

  get missing(): number {
    return this.#missing
  }

  has(block: number): boolean {
    return this.#has[block] === 1
  }

  put(block: number, bytes: Uint8Array): void {
    writeAll(this.#fd, bytes, block * BLOCK)
  }

  /** From now on a block is there. */
  note(block: number): void {
    if (this.#has[block] === 1) return
    this.#has[block] = 1
    this.#missing -= 1
  }

  read(buffer: Uint8Array, position: number): void {
    readAll(this.#fd, buffer, position)
  }

  /** It is whole and good: other processes find it, unless somebody has taken it away. */
  becomeWhole(): void {
    try {
      renameSync(this.#path, this.#places.whole(this.#name))
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
    }
  }

  /** Leaves what there is to whoever wants more of it. */
  leave(): void {
    try {
      if (this.#missing === this.blocks) {
        this.remove()
        return
      }
      writeAll(this.#fd, this.#has, this.#size)
      renameSync(this.#path, this.#places.left(this.#name))
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOSPC') throw error
    } finally {
      this.close()
    }
  }

  remove(): void {
    rmSync(this.#path, { force: true })
  }

  close(): void {
    closeSync(this.#fd)
  }

  #readMap(): void {
    const { size } = fstatSync(this.#fd)
    if (size !== this.#size + this.blocks) {
      ftruncateSync(this.#fd, 0)
      return
    }
    readAll(this.#fd, this.#has, this.#size)
    ftruncateSync(this.#fd, this.#size)
    this.#missing = this.#has.reduce((missing, has) => missing - has, this.blocks)
  }
}

/** Fills a buffer from a place of a file. Throws RangeError when that ends before. */
export function readAll(fd: number, buffer: Uint8Array, position: number): void {
  for (let at = 0; at < buffer.length; ) {
    const length = readSync(fd, buffer, at, buffer.length - at, position + at)
    if (length === 0) throw new RangeError('a file in the cache is too short')
    at += length
  }
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, position + at)
}
