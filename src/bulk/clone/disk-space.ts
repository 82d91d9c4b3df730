import { statfsSync } from 'node:fs'
import type { GitConfig } from '../../core/git-config.ts'
import { toFsPath } from '../../core/text.ts'

/** git-annex's own default. Bytes. */
const DEFAULT_RESERVE = 100_000_000

/** After so many bytes the file system is asked again: others write too. */
const ASK_AGAIN_BYTES = 64 * 1024 * 1024

const FACTORS: Readonly<Record<string, number>> = {
  b: 1,
  byte: 1,
  '': 1,
  k: 1e3,
  kb: 1e3,
  kilobyte: 1e3,
  kib: 2 ** 10,
  kibibyte: 2 ** 10,
  m: 1e6,
  mb: 1e6,
  megabyte: 1e6,
  mib: 2 ** 20,
  mebibyte: 2 ** 20,
  g: 1e9,
  gb: 1e9,
  gigabyte: 1e9,
  gib: 2 ** 30,
  gibibyte: 2 ** 30,
  t: 1e12,
  tb: 1e12,
  terabyte: 1e12,
  tib: 2 ** 40,
  tebibyte: 2 ** 40,
}

/**
 * Reads a size as git-annex writes them: `0.5 gb`, `500M`, `100 KiloBytes`; in bytes. Undefined for
 * what is none.
 */
export function parseAnnexSize(text: string): number | undefined {
  const [, number, unit = ''] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text) ?? []
  const factor = FACTORS[unit.toLowerCase()] ?? FACTORS[unit.toLowerCase().replace(/s$/, '')]
  return number === undefined || factor === undefined ? undefined : Math.floor(Number(number) * factor)
}

/** Keeps `annex.diskreserve` free. */
export class DiskSpace {
  readonly #directory: string
  readonly #reserve: number
  #left = 0
  #sinceAsked = Number.POSITIVE_INFINITY
  #onTheWay = 0

  constructor(directory: string, config: GitConfig) {
    this.#directory = directory
    this.#reserve = parseAnnexSize(config.get('annex.diskreserve') ?? '') ?? DEFAULT_RESERVE
  }

  /** Takes space for a key, in bytes, until `done`. False: it would go into the reserve. */
  take(bytes: number): boolean {
    if (this.#sinceAsked + bytes > ASK_AGAIN_BYTES || bytes > this.#left) this.#ask()
    if (bytes > this.#left) return false
    this.#left -= bytes
    this.#sinceAsked += bytes
    this.#onTheWay += bytes
    return true
  }

  /** The key that this was taken for lies there whole, or does not come. */
  done(bytes: number): void {
    this.#onTheWay -= bytes
  }

  #ask(): void {
    const { bavail, bsize } = statfsSync(toFsPath(this.#directory))
    this.#left = bavail * bsize - this.#reserve - this.#onTheWay
    this.#sinceAsked = 0
  }
}
