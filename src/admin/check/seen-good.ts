import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { codeOf } from '../../core/errors.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'

/**
 * Remembers, on this machine, when the content of each key of a dataset was last found good, and
 * which keys were found damaged since.
 */
export class SeenGood {
  readonly #file: string
  readonly #times: Map<string, number>
  readonly #damaged: Set<string>

  private constructor(file: string, times: Map<string, number>, damaged: Set<string>) {
    this.#file = file
    this.#times = times
    this.#damaged = damaged
  }

  /** `directory`: where such files are kept. What cannot be read is not remembered. */
  static async load(directory: string, { store, directory: dataset }: StoredDataset): Promise<SeenGood> {
    const place = createHash('sha256').update(`${store.traits.root}\0${dataset}`).digest('hex').slice(0, 40)
    const file = join(directory, place)
    const times = new Map<string, number>()
    const text = await readFile(file, 'latin1').catch((error: unknown) => {
      if (codeOf(error) !== 'ENOENT') throw error
      return ''
    })
    const damaged = new Set<string>()
    for (const line of text.split('\n')) {
      const [, name, seconds] = /^(\S{16}) (\d+|damaged)$/.exec(line) ?? []
      if (name === undefined) continue
      if (seconds === 'damaged') damaged.add(name)
      else times.set(name, Number(seconds) * 1000)
    }
    return new SeenGood(file, times, damaged)
  }

  /** ms since 1970; undefined: never. */
  timeOf(key: string): number | undefined {
    return this.#times.get(nameOf(key))
  }

  /** It was found good. */
  add(key: string, timeMs: number): void {
    this.#times.set(nameOf(key), timeMs)
    this.#damaged.delete(nameOf(key))
  }

  /** It was found damaged. */
  addDamaged(key: string): void {
    this.#times.delete(nameOf(key))
    this.#damaged.add(nameOf(key))
  }

  /** Nothing is known of it. */
  forget(key: string): void {
    this.#times.delete(nameOf(key))
    this.#damaged.delete(nameOf(key))
  }

  isDamaged(key: string): boolean {
    return this.#damaged.has(nameOf(key))
  }

  /** Writes it down, whole or not at all. */
  async save(): Promise<void> {
    await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 })
    const lines = [...this.#times].map(([name, timeMs]) => `${name} ${Math.floor(timeMs / 1000)}\n`)
    for (const name of this.#damaged) lines.push(`${name} damaged\n`)
    const temporary = `${this.#file}.${process.pid}`
    await writeFile(temporary, lines.join(''))
    await rename(temporary, this.#file)
  }
}

/** Short, so that a million of them are no burden. */
function nameOf(key: string): string {
  return createHash('md5').update(key).digest('base64').slice(0, 16)
}
