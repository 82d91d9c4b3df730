import { createHash } from 'node:crypto'
import { appendFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { stateDirectory } from '../../core/cache-directory.ts'
import { ConfigError, codeOf, messageOf } from '../../core/errors.ts'
import { jsonObject } from '../../core/json-object.ts'

/** A dataset that a run is done with. */
export interface Finished {
  /** Its id. */
  readonly dataset: string
  /** The exit code: 0, or 3 where problems were found. */
  readonly code: number
  /** What the command wants to know of it when it goes on. */
  readonly data?: unknown
}

/** Which run it is: the same command on the same store, with the options that matter. */
export interface RunName {
  readonly command: string
  readonly store: string
  readonly options: Readonly<Record<string, unknown>>
}

/** Datasets change: what was done longer ago is done again. ms. */
const STALE_MS = 7 * 86_400_000

/** How a command does what it does, and not what. */
const NOT_WHAT = new Set([
  ...['resume', 'state', 'jobs', 'bwlimit', 'json', 'quiet', 'verbose', 'noProgress', 'stallTimeout', 'yes'],
  ...['breakLock', 'for', 'dryRun'],
])

/**
 * Which datasets a run is done with, in a file: a run that was cut goes on where it was. The file
 * is gone once all is done.
 */
export class RunRecord {
  readonly #file: string
  readonly #head: string
  #isBegun: boolean
  /** By the ids of datasets. */
  readonly earlier: ReadonlyMap<string, Finished>
  /** When the run that was cut began, in ISO 8601; undefined: there was none. */
  readonly begun: string | undefined

  private constructor(file: string, head: string, earlier: readonly Finished[], begun: string | undefined) {
    this.#file = file
    this.#head = head
    this.#isBegun = begun !== undefined
    this.earlier = new Map(earlier.map((each) => [each.dataset, each]))
    this.begun = begun
  }

  /**
   * `file`: where it is; default: in the user's state directory. Throws ConfigError when it cannot
   * be read, and when it is the record of another run.
   */
  static async open(name: RunName, file?: string): Promise<RunRecord> {
    const what = Object.entries(name.options)
      .filter(([option, value]) => value !== undefined && !NOT_WHAT.has(option))
      .sort(([a], [b]) => (a < b ? -1 : 1))
    const { command, store } = name
    const run = createHash('sha256')
      .update(JSON.stringify([command, store, what]))
      .digest('hex')
      .slice(0, 40)
    const path = file ?? join(stateDirectory(), 'runs', `${run}.jsonl`)
    const head = { run, command, store, shard: name.options.shard, begun: new Date().toISOString() }
    const [first, ...lines] = await linesOf(path)
    const before = first === undefined ? undefined : jsonObject(first)
    if (file !== undefined && first !== undefined && before?.run !== run) {
      const of = before?.command === undefined ? 'no record of a run' : 'of another run than this'
      throw new ConfigError(`--state ${path} is ${of}: give another file, or remove it`)
    }
    const finished = lines.flatMap((line) => {
      const found = jsonObject(line)
      return typeof found?.dataset === 'string' ? [found as unknown as Finished] : []
    })
    const begun = typeof before?.begun === 'string' ? before.begun : undefined
    return new RunRecord(path, `${JSON.stringify(head)}\n`, finished, begun)
  }

  /** Throws ConfigError when it cannot be written. */
  async add(finished: Finished): Promise<void> {
    try {
      if (!this.#isBegun) {
        await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 })
        await writeFile(this.#file, this.#head)
        this.#isBegun = true
      }
      // It begins with the end of a line that a killed run may have left half.
      await appendFile(this.#file, `\n${JSON.stringify(finished)}\n`)
    } catch (error) {
      throw new ConfigError(`--resume: ${this.#file} cannot be written: ${messageOf(error)}`)
    }
  }

  /** All is done. */
  async remove(): Promise<void> {
    await rm(this.#file, { force: true })
  }
}

/** None of a file that is not there, or that is stale. What was cut off is no line. */
async function linesOf(file: string): Promise<string[]> {
  try {
    const { mtimeMs } = await stat(file)
    if (Date.now() - mtimeMs > STALE_MS) {
      await rm(file)
      return []
    }
    return (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw new ConfigError(`--resume: ${file} cannot be read: ${messageOf(error)}`)
  }
}
