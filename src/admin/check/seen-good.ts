import { createHash } from 'node:crypto'
import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { codeOf } from '../../core/errors.ts'
import { chunksOf } from '../../core/parallel.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { FINGERPRINT_BYTES, Fingerprints } from '../inventory/fingerprints.ts'

/** In the place of a time, in seconds since 1970. */
const [FORGOTTEN, DAMAGED] = [0, 0xffff_ffff]

const LINES_AT_ONCE = 10_000

/**
 * Remembers, on this machine, when the content of each key of a dataset was last found good, and
 * which keys were found damaged since.
 */
export class SeenGood {
  readonly #file: string
  /** By key: when it was found good. */
  readonly #times: Fingerprints

  private constructor(file: string, times: Fingerprints) {
    this.#file = file
    this.#times = times
  }

  /** Where it is written down, in a directory for such files. */
  static fileOf(directory: string, { store, directory: dataset }: Pick<StoredDataset, 'store' | 'directory'>): string {
    const place = createHash('sha256').update(`${store.traits.root}\0${dataset}`).digest('hex').slice(0, 40)
    return join(directory, place)
  }

  /** `directory`: where such files are kept. What cannot be read is not remembered. */
  static async load(directory: string, dataset: StoredDataset): Promise<SeenGood> {
    const file = SeenGood.fileOf(directory, dataset)
    const times = new Fingerprints()
    const bytes = await readFile(file).catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error
      return Buffer.alloc(0)
    })
    for (const line of linesOf(bytes)) {
      const [, name = '', seconds] = /^(\S{16}) (\d+|damaged)$/.exec(line) ?? []
      const fingerprint = Buffer.from(name, 'base64')
      if (fingerprint.length !== FINGERPRINT_BYTES) continue
      times.setFingerprint(fingerprint, seconds === 'damaged' ? DAMAGED : Number(seconds))
    }
    return new SeenGood(file, times)
  }

  /** ms since 1970; undefined: never. */
  timeOf(key: string): number | undefined {
    const seconds = this.#times.get(key) ?? FORGOTTEN
    return seconds === FORGOTTEN || seconds === DAMAGED ? undefined : seconds * 1000
  }

  /** It was found good. */
  add(key: string, timeMs: number): void {
    this.#times.set(key, Math.floor(timeMs / 1000))
  }

  /** It was found damaged. */
  addDamaged(key: string): void {
    this.#times.set(key, DAMAGED)
  }

  /** Nothing is known of it. */
  forget(key: string): void {
    if (this.#times.get(key) !== undefined) this.#times.set(key, FORGOTTEN)
  }

  isDamaged(key: string): boolean {
    return this.#times.get(key) === DAMAGED
  }

  /** Writes it down, whole or not at all. */
  async save(): Promise<void> {
    await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 })
    const temporary = `${this.#file}.${process.pid}`
    const file = await open(temporary, 'w')
    try {
      for (const lines of chunksOf(this.#lines(), LINES_AT_ONCE)) await file.write(lines.join(''))
    } finally {
      await file.close()
    }
    await rename(temporary, this.#file)
  }

  *#lines(): Generator<string, void, void> {
    for (const [bytes, seconds] of this.#times.entries()) {
      if (seconds === FORGOTTEN) continue
      yield `${bytes.toString('base64')} ${seconds === DAMAGED ? 'damaged' : seconds}\n`
    }
  }
}

/** Not all at once: there may be millions. */
function* linesOf(bytes: Buffer): Generator<string, void, void> {
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(0x0a, at)
    if (end < 0) return
    yield bytes.toString('latin1', at, end)
    at = end + 1
  }
}
