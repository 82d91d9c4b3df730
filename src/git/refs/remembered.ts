import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** What a repository remembers of one on a store. */
export interface Remembered {
  /** The newest generation that was seen: `identity` is that of its file, `text` its content. */
  readonly seen?: { readonly generation: number; readonly identity: string; readonly text: string }
  /** The generation that was found to be what the files for others show, by `identity`. */
  readonly shown?: string
  /** When the store was last seen to refuse a second file of one name. ms since 1970. */
  readonly refusedMs?: number
}

/**
 * A file in the repository that saves requests. It is only ever a hint: whatever it says is proven
 * by what lies on the store.
 */
export class Memory {
  readonly #file: string | undefined
  #remembered: Remembered | undefined

  /**
   * `place`: tells one stored repository from all others. Without `gitDir` it lasts as long as this
   * program.
   */
  constructor(gitDir: string | undefined, place: string) {
    const name = createHash('sha256').update(place).digest('hex').slice(0, 40)
    this.#file = gitDir && join(gitDir, 'riastore', 'seen', name)
  }

  async load(): Promise<Remembered> {
    this.#remembered ??= await this.#read()
    return this.#remembered
  }

  /** Never fails: what cannot be remembered is asked again. */
  async save(news: Remembered): Promise<void> {
    const all = { ...(await this.load()), ...news }
    this.#remembered = all
    if (this.#file === undefined) return
    const temporary = `${this.#file}.${process.pid}.${randomBytes(4).toString('hex')}`
    try {
      await mkdir(dirname(this.#file), { recursive: true })
      await writeFile(temporary, JSON.stringify(all))
      await rename(temporary, this.#file)
    } catch {
      // A repository that we may only read.
    }
  }

  async #read(): Promise<Remembered> {
    if (this.#file === undefined) return {}
    try {
      const { seen, shown, refusedMs } = JSON.parse(await readFile(this.#file, 'utf8'))
      const isSeen =
        Number.isSafeInteger(seen?.generation) && typeof seen.identity === 'string' && typeof seen.text === 'string'
      return {
        ...(isSeen ? { seen } : {}),
        ...(typeof shown === 'string' ? { shown } : {}),
        ...(typeof refusedMs === 'number' ? { refusedMs } : {}),
      }
    } catch {
      return {}
    }
  }
}
