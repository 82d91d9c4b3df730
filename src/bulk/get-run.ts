import * as fs from 'node:fs'
import { Bandwidth } from '../core/bandwidth.ts'
import { messageOf, StoreError } from '../core/errors.ts'
import { toBoolean } from '../core/git-config.ts'
import { parseKey } from '../core/key.ts'
import type { KeyTable } from '../core/tables/key-table.ts'
import { decode } from '../core/text.ts'
import { bring } from './bring.ts'
import { Candidates } from './candidates.ts'
import { AnnexPartials } from './clone/annex-partials.ts'
import type { Clone } from './clone/clone.ts'
import { DiskSpace } from './clone/disk-space.ts'
import { Placer } from './clone/placer.ts'
import { splitAt } from './clone/programs.ts'
import { syncFileSystem } from './clone/sync.ts'
import { fillUnlockedFiles, type UnlockedFile, unlockedFiles } from './clone/unlocked-files.ts'
import type { WorkDirectory } from './clone/work-directory.ts'
import type { KeyFailure } from './events.ts'
import { Counter } from './events.ts'
import { checkedKey } from './fetch.ts'
import { type GetOptions, type GetReport, getCommand } from './get-options.ts'
import { handOverKeys } from './hand-over.ts'
import { type OpenRemote, openRemote } from './open-remote.ts'
import { type KeysToCome, Recorder } from './records/recorder.ts'
import { SpoolFile } from './records/spool-file.ts'
import type { BulkRemote } from './remotes.ts'
import { FetchAhead } from './small/fetch-ahead.ts'
import { Stage } from './stage.ts'
import { STATE, type State, States } from './states.ts'

/** One run of a get, in which the clone's remotes are asked one after the other. */
export class GetRun {
  readonly #clone: Clone
  readonly #options: GetOptions
  readonly #table: KeyTable
  readonly #states = new States()
  readonly #work: WorkDirectory
  readonly #remotes: readonly BulkRemote[]
  readonly #ahead: FetchAhead | undefined
  readonly #opened = new Map<BulkRemote, Promise<OpenRemote>>()
  readonly #candidates: Candidates
  readonly #count: Counter
  readonly #placer: Placer
  readonly #stage: Stage
  readonly #partials: AnnexPartials
  #keysTotal = 0
  #bytes = 0
  #bytesTotal = 0

  /** `table`: the keys that are wanted; each is told to `add`. */
  constructor(clone: Clone, options: GetOptions, table: KeyTable, remotes: readonly BulkRemote[], work: WorkDirectory) {
    this.#clone = clone
    this.#options = options
    this.#table = table
    this.#work = work
    this.#count = new Counter(options.events)
    this.#placer = new Placer(clone)
    this.#partials = new AnnexPartials(clone)
    this.#remotes = remotes
    this.#candidates = new Candidates(clone, remotes)
    const { events } = this.#count
    this.#stage = new Stage({ table, states: this.#states, work, placer: this.#placer, events })
    this.#ahead = this.#fetchAhead()
  }

  /** A key that was found. */
  add(number: number): void {
    const state = this.#stateOfWanted(number)
    this.#states.set(number, state)
    if (state === STATE.wanted) this.#ahead?.add(number)
  }

  /** Ends what goes on, and closes what is open. Never rejects. */
  async close(): Promise<void> {
    await this.#ahead?.stop()
    for (const opened of this.#opened.values()) await opened.then((remote) => remote.close()).catch(() => {})
  }

  async run({ listing, found }: KeysToCome): Promise<GetReport> {
    const { signal, dryRun } = this.#options
    const { uuid } = this.#clone
    const hasStill = (number: number) => this.#placer.find(parseKey(this.#table.text(number))) !== undefined
    const recorder = new Recorder({ clone: this.#clone, work: this.#work, table: this.#table, uuid, hasStill, signal })
    const keys = { listing, found: found.then(() => this.#addPlacedBefore()) }
    keys.found.catch(() => {}) // awaited by the recorder, if that comes so far
    const unread = () => this.#states.news(STATE.wanted, STATE.placed)
    await recorder.prepareFound(keys, unread, (number, log) => this.#locate(number, log) && !dryRun)
    if (dryRun) return this.#plan()
    const unlocked = this.#listUnlocked()
    unlocked.catch(() => {}) // awaited below
    try {
      await this.#takeAhead()
      await this.#bringAll()
    } finally {
      // Also when nothing more comes: what is here is recorded.
      await this.#stage.flush()
      await this.#record(recorder, unlocked)
    }
    this.#work.leaveParts((key, file) => this.#partials.leave(key, file))
    await this.#leaveRest()
    return this.#report()
  }

  #addPlacedBefore(): void {
    const wanted = this.#table.size
    for (const key of this.#work.placedBefore) {
      const number = this.#table.add(key)
      if (number >= wanted) this.#states.set(number, this.#stateOfPlaced(number))
    }
  }

  #stateOfWanted(number: number): State {
    const { selection } = this.#options
    const checked = checkedKey(this.#table.text(number))
    if (checked === undefined || this.#isRefused(checked.key.backend)) return STATE.left
    if (selection.keys.length > 0 && this.#placer.find(checked.key) !== undefined) return STATE.there
    this.#keysTotal += 1
    this.#bytesTotal += checked.size
    return STATE.wanted
  }

  /** Of a key that an earlier run placed, and may not have recorded. */
  #stateOfPlaced(number: number): State {
    return this.#placer.find(parseKey(this.#table.text(number))) === undefined ? STATE.skipped : STATE.placed
  }

  /** By annex.securehashesonly: git-annex says so itself. */
  #isRefused(backend: string): boolean {
    const only = toBoolean(this.#clone.config.get('annex.securehashesonly') ?? 'false') !== false
    return only && /^(MD5|SHA1)E?$/.test(backend)
  }

  #locate(number: number, log: string): boolean {
    if (this.#states.get(number) !== STATE.wanted) return true
    this.#candidates.read(number, log)
    if (this.#candidates.any(number)) return true
    // No remote of ours has it.
    this.#states.set(number, this.#options.from === undefined ? STATE.left : STATE.skipped)
    return false
  }

  /** From the cheapest remote, unless its bytes are counted or nothing is to come. */
  #fetchAhead(): FetchAhead | undefined {
    const [remote] = this.#remotes
    const { dryRun, bytesPerSecond, jobs, signal } = this.#options
    if (remote === undefined || dryRun || bytesPerSecond !== undefined) return undefined
    const open = () => this.#open(remote)
    return new FetchAhead({ table: this.#table, open, jobs, fetch: this.#fetchOptions(), signal })
  }

  /** Of the keys that came ahead, those are taken that were to come from there. */
  async #takeAhead(): Promise<void> {
    const ahead = this.#ahead
    const [remote] = this.#remotes
    if (ahead === undefined || remote === undefined) return
    for (const number of await ahead.end()) {
      if (this.#states.get(number) === STATE.wanted && this.#candidates.has(number, 0)) {
        this.#states.set(number, STATE.staged)
        await this.#stage.add(number, remote.name)
      } else ahead.discard(number)
    }
    this.#options.signal?.throwIfAborted()
  }

  async #bringAll(): Promise<void> {
    for (const [i, remote] of this.#candidates.remotes.entries()) {
      const numbers = [...this.#states.in(STATE.wanted)].filter((number) => this.#candidates.has(number, i))
      if (numbers.length === 0) continue
      const fail = (failure: KeyFailure, number: number) => this.#fail(failure, number, i)
      try {
        await this.#bringFrom(remote, numbers, fail)
      } catch (error) {
        if (!(error instanceof StoreError) || error.kind === 'aborted' || error.kind === 'full') throw error
        this.#options.events.onNote?.(`${remote.name}: ${messageOf(error)}`)
        // Told once, not for each key. Without its layout files a store is as good as not reached.
        const kind = error.kind === 'missing' ? 'unreachable' : error.kind
        for (const number of numbers) {
          if (this.#states.get(number) !== STATE.wanted) continue
          if (this.#giveUp(number, i) === STATE.failed) this.#count.failures.push(kind)
        }
      }
    }
  }

  async #bringFrom(
    remote: BulkRemote,
    numbers: readonly number[],
    onFailure: (failure: KeyFailure, number: number) => void,
  ) {
    const { signal, jobs, bytesPerSecond } = this.#options
    const opened = await this.#open(remote)
    try {
      await bring(numbers, {
        ...this.#fetchOptions(),
        remote: opened,
        table: this.#table,
        states: this.#states,
        bandwidth: new Bandwidth(bytesPerSecond),
        jobs,
        signal,
        onFailure,
        onStaged: (number) => this.#stage.add(number, remote.name),
      })
      await this.#stage.flush()
    } finally {
      this.#opened.delete(remote)
      await opened.close()
    }
  }

  #fetchOptions() {
    return {
      work: this.#work,
      partials: this.#partials,
      space: new DiskSpace(this.#clone.annexDirectory, this.#clone.config),
      onBytes: (bytes: number) => this.#progress(bytes),
    }
  }

  /** Once for all that ask. */
  #open(remote: BulkRemote): Promise<OpenRemote> {
    const { signal, log } = this.#options
    const opened =
      this.#opened.get(remote) ?? openRemote(remote, { clone: this.#clone, forWriting: false, log, signal })
    this.#opened.set(remote, opened)
    return opened
  }

  /**
   * A key did not come from a remote: the next one that has it is asked, then git-annex, if others
   * have it.
   */
  #giveUp(number: number, remote: number): State {
    if (!this.#candidates.any(number, remote + 1)) {
      const others = this.#options.from === undefined && this.#candidates.elsewhere(number)
      this.#states.set(number, others ? STATE.left : STATE.failed)
    }
    return this.#states.get(number)
  }

  #fail(failure: KeyFailure, number: number, remote: number): void {
    if (this.#giveUp(number, remote) === STATE.failed) this.#count.events.onFailed?.(failure)
    else this.#options.events.onNote?.(failure.message)
  }

  /** Not ended by a signal: it is short, and what is placed shall be known. */
  async #record(recorder: Recorder, unlocked: Promise<() => AsyncIterable<UnlockedFile>>): Promise<void> {
    const placed = [...this.#states.in(STATE.placed)]
    if (placed.length > 0) await syncFileSystem(this.#clone.annexDirectory)
    await recorder.commit(placed)
    const files = (await unlocked)()
    const states = this.#states
    const filled = async function* () {
      for await (const file of files) if (states.get(file.number) === STATE.placed) yield file
    }
    await fillUnlockedFiles(this.#clone, this.#work, this.#table, filled(), this.#options.events.onNote)
  }

  /** Finds the unlocked files of the keys while they come. Resolves with the way to read them. */
  async #listUnlocked(): Promise<() => AsyncIterable<UnlockedFile>> {
    const spool = new SpoolFile(this.#work.newFile())
    for await (const { number, file } of unlockedFiles(this.#clone, this.#table)) spool.add(`${number}/${file}\0`)
    const fd = spool.finish()
    return async function* () {
      for await (const bytes of splitAt(fs.createReadStream('', { fd }), 0)) {
        const text = decode(bytes)
        const slash = text.indexOf('/')
        yield { number: Number(text.slice(0, slash)), file: text.slice(slash + 1) }
      }
    }
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
    await handOverKeys(this.#clone, keys(), {
      command: getCommand(this.#options),
      jobs,
      events: this.#count.events,
      signal,
    })
  }

  #progress(bytes: number): void {
    this.#bytes += bytes
    this.#options.events.onProgress?.({
      phase: 'get',
      keys: this.#count.moved,
      keysTotal: this.#keysTotal,
      bytes: this.#bytes,
      bytesTotal: this.#bytesTotal,
    })
  }

  #plan(): GetReport {
    const wanted = [...this.#states.in(STATE.wanted)]
    const bytes = wanted.reduce((sum, number) => sum + (parseKey(this.#table.text(number)).size ?? 0), 0)
    return { got: wanted.length, bytes, handedOver: this.#states.count(STATE.left), failures: [] }
  }

  #report(): GetReport {
    const { moved, bytes, failures } = this.#count
    return { got: moved, bytes, handedOver: this.#states.count(STATE.left), failures }
  }
}
