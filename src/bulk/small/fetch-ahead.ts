import { rmSync } from 'node:fs'
import { Bandwidth } from '../../core/bandwidth.ts'
import type { KeyTable } from '../../core/tables/key-table.ts'
import { toFsPath } from '../../core/text.ts'
import { archivePath } from '../../ria/layout/paths.ts'
import type { CallOptions } from '../../store/store.ts'
import { checkedKey, Fetch, type FetchOptions } from '../fetch.ts'
import type { OpenRemote } from '../open-remote.ts'
import { DirectReads } from './direct-reads.ts'
import { fetchDirectly } from './fetch-directly.ts'
import { fetchTogether } from './fetch-together.ts'

/** For fewer keys no store is opened ahead. */
const LEAST_KEYS = 64

/** So many keys, or bytes, are brought ahead at most. */
const MOST_KEYS = 20_000
const MOST_BYTES = 1024 ** 3

export interface FetchAheadOptions extends CallOptions {
  readonly table: KeyTable
  /** The store that the keys are probably in. */
  readonly open: () => Promise<OpenRemote>
  /** Keys at once, where each is asked for. Default: as many as the store takes. */
  readonly jobs?: number | undefined
  readonly fetch: Omit<FetchOptions, 'remote' | 'bandwidth' | 'signal'>
}

/**
 * Brings small loose keys while git-annex still finds others, and before their location logs were
 * read: git-annex keeps one of the processors busy with that, and we would wait. A key that comes
 * so lies checked in the work directory. What its log says decides what becomes of it.
 *
 * Nothing is told of what does not come: it is asked for once more, in its turn. A store that has
 * an archive is left alone, for that is read in the order of its bytes; so is one that would have
 * to be asked for each key by calls of its own.
 */
export class FetchAhead {
  readonly #options: FetchAheadOptions
  readonly #stopping = new AbortController()
  readonly #signal: AbortSignal
  readonly #came: number[] = []
  readonly #waiting: number[] = []
  #keys = 0
  #bytes = 0
  #isComplete = false
  #wake: () => void = () => {}
  #running: Promise<void> | undefined

  constructor(options: FetchAheadOptions) {
    this.#options = options
    const stopped = this.#stopping.signal
    this.#signal = options.signal === undefined ? stopped : AbortSignal.any([options.signal, stopped])
  }

  /** Adds a key that was found. */
  add(number: number): void {
    const size = checkedKey(this.#options.table.text(number))?.size
    if (size === undefined || this.#keys >= MOST_KEYS || this.#bytes + size > MOST_BYTES) return
    this.#keys += 1
    this.#bytes += size
    this.#waiting.push(number)
    if (this.#keys >= LEAST_KEYS) this.#running ??= this.#run().catch(() => {}) // whoever asks again is told why
    this.#wake()
  }

  /** All were found. Resolves with those that came, when no more do. */
  async end(): Promise<readonly number[]> {
    this.#isComplete = true
    this.#wake()
    await this.#running
    return this.#came
  }

  /** Brings no more. Resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.end()
  }

  /** Removes what came of a key. */
  discard(number: number): void {
    const { table, fetch } = this.#options
    rmSync(toFsPath(fetch.work.keyFile(table.text(number))), { force: true })
  }

  async #run(): Promise<void> {
    const { table, open, jobs, fetch: options } = this.#options
    const remote = await open()
    const signal = this.#signal
    if ((await remote.store.stat(archivePath(remote.directory), { signal })) !== undefined) return
    const direct = await DirectReads.for(remote)
    const fetch = new Fetch({ ...options, remote, signal, bandwidth: new Bandwidth(undefined) }, direct)
    const onKept = (number: number) => {
      this.#came.push(number)
      return undefined
    }
    if (fetch.isDirect) await fetchDirectly(table, this.#numbers(), fetch, { signal, onKept })
    else await fetchTogether(remote, table, this.#numbers(), fetch, { jobs, signal, onKept })
  }

  async *#numbers(): AsyncGenerator<number, void, void> {
    while (!this.#signal.aborted) {
      yield* this.#waiting.splice(0)
      if (this.#waiting.length > 0) continue
      if (this.#isComplete) return
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}
