import {
  closeSync,
  createReadStream,
  fstatSync,
  futimesSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs'
import { ConfigError, codeOf } from '../../core/errors.ts'
import { isOwnDirectory } from '../../core/own-directory.ts'
import { CachedKey } from './cached-key.ts'
import type { KeySource } from './key-source.ts'
import { Places } from './places.ts'
import { sweep } from './sweep.ts'

/** After so much of the limit was written, it is looked whether there is too much. */
const SWEEP_PART = 1 / 32

export interface KeyCacheOptions {
  /** Where it is, of this user alone. */
  readonly directory: string
  /** About so many bytes are kept. */
  readonly limit: number
}

/**
 * What was read of keys, on the disk of this machine, for all processes of a user: what is whole is
 * read by all of them, what is not is filled by one process each.
 */
export class KeyCache {
  readonly #places: Places
  readonly #options: KeyCacheOptions
  readonly #open = new Map<string, { readonly key: Promise<CachedKey>; users: number }>()
  /** Those that are ready. */
  readonly #keys = new Set<CachedKey>()
  #written = 0

  /** Throws ConfigError where others can write there, and what the disk says. */
  constructor(options: KeyCacheOptions) {
    this.#options = options
    this.#places = new Places(options.directory)
    mkdirSync(this.#places.directory, { recursive: true, mode: 0o700 })
    if (!isOwnDirectory(statSync(options.directory))) {
      throw new ConfigError(`${options.directory} is no directory of yours alone: what is read is not kept there`)
    }
    this.#sweep(options.limit)
  }

  /** Opens a key, for as long as `release` is not called. */
  async acquire(source: KeySource): Promise<CachedKey> {
    const known = this.#open.get(source.name) ?? { key: this.#openKey(source), users: 0 }
    this.#open.set(source.name, known)
    known.users += 1
    try {
      return await known.key
    } catch (error) {
      this.#open.delete(source.name)
      throw error
    }
  }

  release(key: CachedKey): void {
    const known = this.#open.get(key.source.name)
    if (known === undefined) return
    known.users -= 1
    if (known.users > 0) return
    this.#open.delete(key.source.name)
    this.#keys.delete(key)
    key.close()
  }

  /** Where the whole content of a key is, by its name, if it is there still. */
  pathOf(name: string): string {
    return this.#places.whole(name)
  }

  close(): void {
    for (const key of this.#keys) key.close()
    this.#keys.clear()
    this.#open.clear()
  }

  async #openKey(source: KeySource): Promise<CachedKey> {
    const fd = this.#openWhole(source) ?? (await this.#openEarlier(source))
    const { limit } = this.#options
    const key = new CachedKey(this.#places, source, fd, {
      onGrown: (bytes) => {
        this.#written += bytes
        if (this.#written > limit * SWEEP_PART) this.#sweep(limit)
      },
      onFull: () => this.#sweep(0),
    })
    this.#keys.add(key)
    return key
  }

  #openWhole(source: KeySource): number | undefined {
    const path = this.#places.whole(source.name)
    const fd = openIfThere(path)
    if (fd === undefined) return undefined
    if (fstatSync(fd).size === source.size) {
      const now = new Date()
      futimesSync(fd, now, now) // those that nobody opened for longest go first
      return fd
    }
    closeSync(fd)
    rmSync(path, { force: true })
    return undefined
  }

  /** Takes over what was whole before the machine was started, if it still is. */
  async #openEarlier(source: KeySource): Promise<number | undefined> {
    for (const path of this.#places.earlier(source.name)) {
      const fd = openIfThere(path)
      if (fd === undefined) continue
      closeSync(fd)
      if (await isGood(path, source)) renameSync(path, this.#places.whole(source.name))
      else rmSync(path, { force: true })
      const taken = this.#openWhole(source)
      if (taken !== undefined) return taken
    }
    return undefined
  }

  #sweep(limit: number): void {
    this.#written = 0
    if (!sweep(this.#places, limit)) for (const key of this.#keys) key.giveUp()
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, 'r')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

async function isGood(path: string, { size, checksum }: KeySource): Promise<boolean> {
  if (checksum === undefined) return false
  const hasher = await checksum.start()
  let length = 0
  for await (const chunk of createReadStream(path)) {
    hasher.update(chunk)
    length += chunk.length
  }
  return length === size && hasher.hex() === checksum.expected
}
