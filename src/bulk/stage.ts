import { isStoreError, messageOf, StoreError } from '../core/errors.ts'
import { parseKey } from '../core/key.ts'
import { Turns } from '../core/process/turns.ts'
import type { KeyTable } from '../core/tables/key-table.ts'
import type { Placer } from './clone/placer.ts'
import { syncFileSystem } from './clone/sync.ts'
import type { WorkDirectory } from './clone/work-directory.ts'
import type { BulkEvents } from './events.ts'
import { STATE, type States } from './states.ts'

/** So many keys, or bytes, are placed together, after one sync of the file system. */
const BATCH_KEYS = 20_000
const BATCH_BYTES = 4 * 1024 ** 3

export interface StageOptions {
  readonly table: KeyTable
  readonly states: States
  readonly work: WorkDirectory
  readonly placer: Placer
  readonly events: BulkEvents
}

/**
 * Keys that came and were checked. Before they get their places, where git-annex takes them for
 * content, they are on the disk for good: after a power failure an object is whole or not there.
 */
export class Stage {
  readonly #options: StageOptions
  #staged: { readonly number: number; readonly from: string }[] = []
  #bytes = 0
  #flushing: Promise<void> = Promise.resolve()

  constructor(options: StageOptions) {
    this.#options = options
  }

  /**
   * Adds a key whose content is in the work directory. Waits, if at all, while what is there gets
   * its place. Rejects with StoreError when keys cannot be placed any more.
   */
  add(number: number, from: string): Promise<void> | undefined {
    const { table } = this.#options
    this.#staged.push({ number, from })
    this.#bytes += parseKey(table.text(number)).size ?? 0
    return this.#staged.length >= BATCH_KEYS || this.#bytes >= BATCH_BYTES ? this.flush() : undefined
  }

  /** Places all that is staged. One at a time: whoever comes while another is at it waits. */
  async flush(): Promise<void> {
    const flushed = this.#flushing.then(() => this.#flush())
    this.#flushing = flushed.catch(() => {})
    await flushed
  }

  async #flush(): Promise<void> {
    const { table, states, work, placer, events } = this.#options
    const batch = this.#staged
    this.#staged = []
    this.#bytes = 0
    if (batch.length === 0) return
    // The list of them, too: what has its place after a power failure is recorded by the next run.
    work.notePlaced(batch.map(({ number }) => table.text(number)))
    await syncFileSystem(work.path)
    const turns = new Turns()
    for (const { number, from } of batch) {
      await turns.pause()
      const key = parseKey(table.text(number))
      try {
        const placed = await placer.placeFile(key, work.keyFile(key.text))
        states.set(number, placed === 'placed' ? STATE.placed : STATE.there)
        if (placed === 'placed') events.onMoved?.(key.text, key.size ?? 0, from)
      } catch (error) {
        if (!(error instanceof StoreError)) throw error
        states.set(number, STATE.failed)
        events.onFailed?.({ key: key.text, kind: error.kind, message: messageOf(error) })
        if (isStoreError(error, 'full')) throw error
      }
    }
  }
}
