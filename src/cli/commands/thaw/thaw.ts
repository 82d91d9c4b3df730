import { type FileFacts, filesAt, openRevision } from '../../../admin/inventory/files.ts'
import { Fingerprints } from '../../../admin/inventory/fingerprints.ts'
import { type KeyThaw, KeyThaws } from '../../../admin/inventory/key-thaw.ts'
import { ConfigError } from '../../../core/errors.ts'
import { inOrder } from '../../../core/parallel.ts'
import { printable } from '../../../core/printable.ts'
import { findDataset, realDataset } from '../../../ria/layout/datasets.ts'
import type { ArgsOf } from '../../command.ts'
import type { Console } from '../../console.ts'
import { idOf } from '../../dataset-names.ts'
import { EXIT } from '../../exit-codes.ts'
import { formatSize, formatTime, parseAge, parseCount } from '../../quantities.ts'
import { withStoreOfWords } from '../../store-words.ts'
import type { THAW } from '../../table/thaw.ts'
import { counted } from '../../tables.ts'
import { type Waiting, waitForKeys } from './wait.ts'

/** `riastore thaw` */
export async function run(console: Console, args: ArgsOf<typeof THAW>): Promise<number> {
  const { words, at, dryRun = false, tier } = args
  const days = parseCount('days', args.days, 3650)
  if (days === 0) throw new ConfigError('--days 0 would bring nothing back: 1 is the least')
  const timeoutMs = parseAge('timeout', args.timeout)
  const everyMs = args.every === undefined ? undefined : Math.max(100, parseAge('every', args.every))
  const call = { signal: console.signal }
  return withStoreOfWords(words, async (store, [name, ...paths]) => {
    if (name === undefined) throw new ConfigError('which dataset? Give its id or ~alias, and paths in it')
    const dataset = await realDataset(await findDataset(store, name, call), call)
    const revision = await openRevision(dataset, at, call)
    const thaws = await KeyThaws.open(dataset, dryRun ? undefined : { days, tier }, call)
    const tally = new Tally()
    try {
      const seen = new Fingerprints()
      const isNew = ({ key }: FileFacts) => key !== undefined && seen.set(key, 1) === undefined
      const files = filesAt(dataset, revision, undefined, { paths, recursive: true, ...call })
      const looked = inOrder(only(files, isNew), store.traits.maxInFlight, async (file) => ({
        file,
        found: await thaws.look(file.key ?? '', call),
      }))
      for await (const { file, found } of looked) {
        tally.add(file, found)
        if (found.state === 'here') continue
        tell(console, idOf(dataset.directory), file, found)
      }
      return await end(console, thaws, tally, args, name, { everyMs, timeoutMs })
    } finally {
      await thaws.close()
    }
  })
}

/** Waits, if it is to, and tells what came of it. */
async function end(
  console: Console,
  thaws: KeyThaws,
  tally: Tally,
  { wait = false, dryRun = false }: ArgsOf<typeof THAW>,
  name: string,
  times: Pick<Waiting, 'everyMs' | 'timeoutMs'>,
): Promise<number> {
  const { waiting, absent } = tally
  const waits = wait && !dryRun && absent === 0 && waiting.length > 0
  if (waits) console.note(tally.words(dryRun))
  const left = waits ? await waitForKeys(console, thaws, { keys: waiting, ...times }) : waiting
  console.progress.clear()
  const summary = { type: 'summary', action: 'thaw', ...tally.counts(dryRun), left: left.length, dryRun }
  if (absent > 0) {
    console.emit(summary)
    console.complain(`${counted(absent, 'key')} of ${name} ${absent === 1 ? 'is' : 'are'} not in the store`)
    return EXIT.failed
  }
  if (waits && left.length > 0) {
    console.emit(summary)
    const after = formatTime(times.timeoutMs / 1000)
    console.complain(`${counted(left.length, 'key')} of ${name} cannot be read yet, after ${after}`)
    return EXIT.failed
  }
  console.report(summary, waits ? 'all of it can be read' : tally.words(dryRun))
  return EXIT.done
}

/** What was found of all keys. */
class Tally {
  /** Keys that cannot be read. */
  readonly waiting: string[] = []
  absent = 0
  /** How long it takes, in words. */
  longest = ''
  #keys = 0
  #asked = 0
  #cold = 0
  /** By the paths of what was asked for, in bytes: an archive counts once. */
  readonly #bytes = new Map<string, number>()

  add({ key = '' }: FileFacts, { state, object }: KeyThaw): void {
    this.#keys += 1
    if (state === 'absent') this.absent += 1
    if (object === undefined) return
    const { path, size, asked = false, takes } = object
    this.waiting.push(key)
    if (state === 'cold') this.#cold += 1
    if (asked) this.#asked += 1
    if (state === 'cold' || asked) this.#bytes.set(path, size)
    this.longest = takes ?? this.longest
  }

  counts(dryRun: boolean) {
    const wanted = dryRun ? this.#cold : this.#asked
    return {
      keys: this.#keys,
      here: this.#keys - this.waiting.length - this.absent,
      absent: this.absent,
      asked: wanted,
      objects: this.#bytes.size,
      bytes: [...this.#bytes.values()].reduce((sum, size) => sum + size, 0),
    }
  }

  words(dryRun: boolean): string {
    const { keys, here, asked, objects, bytes } = this.counts(dryRun)
    if (this.waiting.length === 0) return `nothing is cold: ${counted(here, 'key')} of ${keys} can be read`
    const what = `${counted(asked, 'key')} in ${counted(objects, 'object')}, ${formatSize(bytes)}`
    const before = this.waiting.length - asked
    const others = before === 0 ? '' : `; ${before} ${before === 1 ? 'was' : 'were'} asked for before`
    return `${dryRun ? 'would ask for' : 'asked for'} ${what}${others}${dryRun ? '' : `; that takes up to ${this.longest}`}`
  }
}

function tell(console: Console, dataset: string, { path, kind, key, size }: FileFacts, found: KeyThaw): void {
  const { state, object: { place: storageClass, path: object } = {} } = found
  console.show({ type: 'file', action: 'thaw', dataset, path, kind, key, size, state, storageClass, object }, () =>
    printable(`${state.padEnd(7)}  ${path}${storageClass === undefined ? '' : ` (${storageClass})`}`),
  )
}

async function* only<T>(items: AsyncIterable<T>, isWanted: (item: T) => boolean): AsyncGenerator<T, void, void> {
  for await (const item of items) if (isWanted(item)) yield item
}
