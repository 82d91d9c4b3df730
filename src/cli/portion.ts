import { type Part, parsePart, partOf } from '../admin/inventory/part.ts'
import { type Finished, RunRecord } from '../admin/inventory/run-record.ts'
import { ConfigError, messageOf } from '../core/errors.ts'
import { realDirectory } from '../ria/layout/datasets.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { Console } from './console.ts'
import { idOf } from './dataset-names.ts'
import { EXIT } from './exit-codes.ts'

/** What a command line says of which datasets it is about; and all else that it says. */
export interface PortionArgs {
  readonly shard?: string | undefined
  readonly resume?: boolean | undefined
  readonly state?: string | undefined
  readonly dryRun?: boolean | undefined
}

/** Reads --shard. Throws ConfigError. */
export function shardOf({ shard }: PortionArgs): Part | undefined {
  if (shard === undefined) return undefined
  const part = parsePart(shard)
  if (part !== undefined) return part
  throw new ConfigError(`--shard ${JSON.stringify(shard)} is none: 1/8 (the first of eight parts) to 8/8 are`)
}

/** Whether a dataset, by its id, is of the shard that was asked for. Throws ConfigError. */
export function isOfShard(args: PortionArgs, id: string): boolean {
  const shard = shardOf(args)
  return shard === undefined || partOf(id, shard.of) === shard.part
}

/**
 * The datasets of a store that a run is about: those of its shard, without those that the same run
 * had done before it was cut.
 */
export class Portion {
  readonly #console: Console
  readonly #shard: Part | undefined
  readonly #record: RunRecord | undefined
  #isNoted: boolean
  readonly #resumed: Finished[] = []
  #failed = false

  private constructor(console: Console, args: PortionArgs, record: RunRecord | undefined) {
    this.#console = console
    this.#shard = shardOf(args)
    this.#record = record
    this.#isNoted = args.dryRun !== true
  }

  /** `store`: its URL, without a password. Throws ConfigError. */
  static async open(console: Console, command: string, store: string, args: PortionArgs): Promise<Portion> {
    shardOf(args)
    if (args.state !== undefined && !args.resume) throw new ConfigError('--state wants --resume')
    const options = { ...args }
    const record = args.resume ? await RunRecord.open({ command, store, options }, args.state) : undefined
    if (record?.begun !== undefined) {
      console.note(`going on with the run of ${record.begun.slice(0, 16).replace('T', ' ')} (UTC)`)
    }
    return new Portion(console, args, record)
  }

  /** What belongs to no dataset is looked at by one of all shards. */
  get hasStore(): boolean {
    return this.#shard === undefined || this.#shard.part === 1
  }

  /** What was done before the run was cut, as far as it was asked for by `of`. */
  get resumed(): readonly Finished[] {
    return this.#resumed
  }

  /** For the summary. */
  get summary(): { readonly resumed?: number } {
    return this.#resumed.length === 0 ? {} : { resumed: this.#resumed.length }
  }

  /** Those of some datasets that are to be worked on. */
  async *of(
    datasets: AsyncIterable<StoredDataset> | Iterable<StoredDataset>,
  ): AsyncGenerator<StoredDataset, void, void> {
    for await (const dataset of datasets) if (await this.has(dataset)) yield dataset
  }

  /** Whether a dataset is to be worked on. */
  async has(dataset: StoredDataset): Promise<boolean> {
    if (this.#shard === undefined && this.#record === undefined) return true
    const id = await this.#idOf(dataset)
    if (this.#shard !== undefined && partOf(id, this.#shard.of) !== this.#shard.part) return false
    const before = this.#record?.earlier.get(id)
    if (before === undefined) return true
    this.#console.detail(`${dataset.name}: was done before`)
    this.#resumed.push(before)
    return false
  }

  /** It was worked on, and this is the exit code. */
  async done(dataset: StoredDataset, code: number, data?: unknown): Promise<void> {
    if (code !== EXIT.done && code !== EXIT.problems) this.#failed = true
    else if (this.#isNoted) await this.#note({ dataset: await this.#idOf(dataset), code, data })
  }

  /** It could not be worked on: the next run tries again. */
  failed(): void {
    this.#failed = true
  }

  /** The run has come to its end. With failures, what is done stays noted for the next one. */
  async end(): Promise<void> {
    if (!this.#failed && this.#isNoted) await this.#record?.remove()
  }

  /** What was done is done, also where that cannot be noted: that is told, once. */
  async #note(finished: Finished): Promise<void> {
    try {
      await this.#record?.add(finished)
    } catch (error) {
      this.#isNoted = false
      this.#console.note(`${messageOf(error)}; what is done from here on is done again when this run is cut`)
    }
  }

  async #idOf(dataset: StoredDataset): Promise<string> {
    return idOf((await realDirectory(dataset, { signal: this.#console.signal })) ?? dataset.directory)
  }
}
