import { Bandwidth } from '../core/bandwidth.ts'
import { ConfigError, messageOf, StoreError } from '../core/errors.ts'
import { forEachParallel } from '../core/parallel.ts'
import { repositoriesIn } from '../core/records/location-log.ts'
import type { Source } from '../core/source.ts'
import type { KeyTable } from '../core/tables/key-table.ts'
import type { Clone } from './clone/clone.ts'
import { type CheckedKey, SMALL_BYTES } from './clone/content.ts'
import { Placer } from './clone/placer.ts'
import type { WorkDirectory } from './clone/work-directory.ts'
import { Counter } from './events.ts'
import { checkedKey } from './fetch.ts'
import { handOverKeys } from './hand-over.ts'
import { objectSource } from './object-source.ts'
import { type OpenRemote, openRemote } from './open-remote.ts'
import { packKeys } from './pack-keys.ts'
import { copyCommand, type PutOptions, type PutReport } from './put-options.ts'
import { type KeysToCome, Recorder } from './records/recorder.ts'
import type { BulkRemote } from './remotes.ts'
import { putDirectly } from './small/put-directly.ts'
import { STATE, type State, States } from './states.ts'

/** One run of a put. */
export class PutRun {
  readonly #clone: Clone
  readonly #options: PutOptions
  readonly #table: KeyTable
  readonly #remote: BulkRemote
  readonly #work: WorkDirectory
  readonly #count: Counter
  readonly #objects: Placer
  readonly #bandwidth: Bandwidth
  #keysTotal = 0
  #bytes = 0
  #bytesTotal = 0

  readonly #states = new States()

  /** `table`: the keys that are here; each is told to `add`. */
  constructor(clone: Clone, options: PutOptions, table: KeyTable, remote: BulkRemote, work: WorkDirectory) {
    this.#clone = clone
    this.#options = options
    this.#table = table
    this.#remote = remote
    this.#work = work
    this.#count = new Counter(options.events)
    this.#objects = new Placer(clone)
    this.#bandwidth = new Bandwidth(options.bytesPerSecond)
  }

  /** A key that was found. */
  add(number: number): void {
    this.#states.set(number, this.#stateOf(number))
  }

  async run(keys: KeysToCome): Promise<PutReport> {
    const { signal, dryRun, log } = this.#options
    const { uuid } = this.#remote
    const recorder = new Recorder({ clone: this.#clone, work: this.#work, table: this.#table, uuid, signal })
    const unread = () => this.#states.news(STATE.wanted, STATE.left)
    await recorder.prepareFound(keys, unread, (number, text) => this.#look(number, text) && !dryRun)
    if (!dryRun && this.#states.count(STATE.wanted) > 0) {
      const opened = await openRemote(this.#remote, {
        clone: this.#clone,
        forWriting: true,
        log,
        signal,
      })
      try {
        this.#requireWritable(opened)
        await this.#putAll(opened)
      } finally {
        try {
          // Also when nothing more goes: what the store has is recorded.
          await recorder.commit([...this.#states.in(STATE.placed)])
        } finally {
          await opened.close()
        }
      }
    }
    if (dryRun) return this.#plan()
    await this.#leaveRest()
    const { moved, bytes, failures } = this.#count
    return { put: moved, bytes, handedOver: this.#states.count(STATE.left), failures }
  }

  #stateOf(number: number): State {
    const text = this.#table.text(number)
    const checked = checkedKey(text)
    if (checked === undefined) return STATE.left
    return this.#objects.find(checked.key) === undefined ? STATE.skipped : STATE.wanted
  }

  /** False: by its location log the store has it. */
  #look(number: number, log: string): boolean {
    if (repositoriesIn(log).has(this.#remote.uuid)) {
      this.#states.set(number, STATE.there)
      return false
    }
    if (this.#states.get(number) !== STATE.wanted) return false
    this.#keysTotal += 1
    this.#bytesTotal += this.#checked(number).size
    return true
  }

  #requireWritable({ store, layout }: OpenRemote): void {
    const { setup, name } = this.#remote
    if (!store.traits.writable) throw new ConfigError(`${name}: ${store.traits.root} can only be read by this URL`)
    const forced = 'config' in setup && setup.config.forceWrite
    if (layout.readOnly !== undefined && !forced) throw new ConfigError(`treated as read-only: ${layout.readOnly}`)
  }

  async #putAll(opened: OpenRemote): Promise<void> {
    const { archiveBelow, jobs, pack, signal } = this.#options
    if (archiveBelow !== undefined && pack !== undefined) {
      const keys = {
        table: this.#table,
        numbers: this.#smallKeys(archiveBelow),
        checked: (number: number) => this.#checked(number),
        file: (number: number) => this.#file(number),
      }
      await packKeys(opened, keys, { pack, signal, onPacked: (number) => this.#done(number) })
    }
    if (!this.#bandwidth.isLimited) {
      const keys = {
        numbers: () => this.#smallKeys(SMALL_BYTES),
        checked: (number: number) => this.#checked(number),
        find: (number: number) => this.#objects.find(this.#checked(number).key),
        putOne: (number: number) => this.#putOne(opened, number),
      }
      await putDirectly(opened, keys, {
        signal,
        onBytes: (bytes) => this.#progress(bytes),
        onPlaced: (number) => this.#done(number),
      })
    }
    await forEachParallel(this.#states.in(STATE.wanted), jobs ?? opened.store.traits.maxInFlight, (number) =>
      this.#putOne(opened, number),
    )
  }

  *#smallKeys(limit: number): IterableIterator<number> {
    for (const number of this.#states.in(STATE.wanted)) if (this.#checked(number).size <= limit) yield number
  }

  async #putOne({ dataset, layout }: OpenRemote, number: number): Promise<void> {
    const { signal } = this.#options
    const checked = this.#checked(number)
    const call = { signal }
    try {
      // A small key is stored again sooner than it is looked for, but where nothing is replaced.
      const mustLook = checked.size > SMALL_BYTES || layout.appendOnly
      const isThere = mustLook && (await dataset.checkPresent(checked.key.text, call))
      if (!isThere) await dataset.store(checked.key.text, this.#source(number, checked), call)
    } catch (error) {
      if (signal?.aborted || !(error instanceof StoreError)) throw error
      if (['unreachable', 'full', 'aborted'].includes(error.kind)) throw error
      this.#states.set(number, STATE.failed)
      this.#count.events.onFailed?.({ key: checked.key.text, kind: error.kind, message: messageOf(error) })
      return
    }
    this.#done(number)
  }

  #source(number: number, checked: CheckedKey): Source {
    return objectSource(this.#file(number), checked, {
      bandwidth: this.#bandwidth,
      onBytes: (bytes) => this.#progress(bytes),
    })
  }

  #done(number: number): void {
    const { key, size } = this.#checked(number)
    this.#states.set(number, STATE.placed)
    this.#count.events.onMoved?.(key.text, size, this.#remote.name)
  }

  #checked(number: number): CheckedKey {
    const checked = checkedKey(this.#table.text(number))
    if (checked === undefined) throw new Error('only keys that can be checked are put')
    return checked
  }

  #file(number: number): string {
    const { key } = this.#checked(number)
    const file = this.#objects.find(key)
    if (file !== undefined) return file
    throw new StoreError({ kind: 'missing', op: 'read', where: key.text, message: 'its content was dropped meanwhile' })
  }

  async #leaveRest(): Promise<void> {
    const { events, jobs, signal } = this.#options
    const left = [...this.#states.in(STATE.left)]
    if (left.length === 0) return
    events.onNote?.(`${left.length} key${left.length === 1 ? ' is' : 's are'} left to git-annex`)
    const table = this.#table
    const keys = function* () {
      for (const number of left) yield table.text(number)
    }
    const errand = { command: copyCommand(this.#remote.name), jobs, events: this.#count.events, signal }
    await handOverKeys(this.#clone, keys(), errand)
  }

  #progress(bytes: number): void {
    this.#bytes += bytes
    this.#options.events.onProgress?.({
      phase: 'put',
      keys: this.#count.moved,
      keysTotal: this.#keysTotal,
      bytes: this.#bytes,
      bytesTotal: this.#bytesTotal,
    })
  }

  #plan(): PutReport {
    const handedOver = this.#states.count(STATE.left)
    return { put: this.#keysTotal, bytes: this.#bytesTotal, handedOver, failures: [] }
  }
}
