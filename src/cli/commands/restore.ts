import { lastEntry, listEntries, type TrashEntry } from '../../admin/trash/entry.ts'
import { restoreKeys } from '../../admin/trash/remove-keys.ts'
import { restoreDataset } from '../../admin/trash/restore-dataset.ts'
import { StoreError } from '../../core/errors.ts'
import { printable } from '../../core/printable.ts'
import { datasetDirectory, LAYOUT_FILE } from '../../ria/layout/paths.ts'
import { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { commonExit, EXIT, exitCodeOf } from '../exit-codes.ts'
import { withStoreOfWords } from '../store-words.ts'
import type { RESTORE } from '../table/trash.ts'
import { textTable } from '../tables.ts'

/** `riastore restore` */
export function run(console: Console, args: ArgsOf<typeof RESTORE>): Promise<number> {
  const { store: given, datasets, dryRun = false, breakLock } = args
  const call = { signal: console.signal }
  const words = [...(given === undefined ? [] : [given]), ...datasets]
  return withStoreOfWords(words, async (store, ids) => {
    if (ids.length === 0) return list(console, store, call)
    const codes: number[] = []
    for (const id of ids) {
      try {
        const keys = await keysOf(store, id, call)
        const entry = keys[0] ?? (await newestOf(store, id, call))
        const dataset = new StoredDataset(store, entry.directory)
        if (!dryRun) for (const each of keys) await restoreKeys(store, dataset, each, { ...call, breakLock })
        const problems = dryRun || keys.length > 0 ? [] : await restoreDataset(store, entry, { ...call, breakLock })
        console.report({ type: 'dataset', action: 'restore', ...asObject(entry), dryRun, problems }, () =>
          printable(`${id}: ${dryRun ? 'would be ' : ''}restored`),
        )
        for (const problem of problems) console.complain(`${id}: ${problem}`)
        codes.push(problems.length === 0 ? EXIT.done : EXIT.problems)
      } catch (error) {
        if (console.signal.aborted) throw error
        console.fail(error, { dataset: id })
        codes.push(exitCodeOf(error))
      }
    }
    const failed = codes.filter((code) => code !== EXIT.done && code !== EXIT.problems).length
    console.emit({ type: 'summary', action: 'restore', datasets: codes.length, failed })
    return commonExit(codes)
  })
}

async function list(console: Console, store: Store, call: CallOptions): Promise<number> {
  const entries = (await listEntries(store, call)).flatMap(({ entry }) => (entry === undefined ? [] : [entry]))
  for (const entry of entries) console.emit({ type: 'dataset', action: 'restore', ...asObject(entry) })
  console.emit({ type: 'summary', action: 'restore', datasets: entries.length })
  const row = ({ directory, aliases, removedMs, untilMs, keys, movedTo }: TrashEntry) => [
    directory.replace('/', ''),
    movedTo === undefined ? `removed ${day(removedMs)}` : `moved ${day(removedMs)} to ${movedTo.url}`,
    untilMs === undefined ? 'kept: its entry.json is missing' : `kept until ${day(untilMs)}`,
    keys === undefined ? aliases.map((name) => `~${name}`).join(' ') : `${keys} keys of it`,
  ]
  console.print(entries.length === 0 ? 'the trash is empty' : textTable(entries.map(row)))
  return EXIT.done
}

/** Keys that were removed from a dataset that is there. */
async function keysOf(store: Store, id: string, call: CallOptions): Promise<TrashEntry[]> {
  if ((await store.stat(`${datasetDirectory(id)}/${LAYOUT_FILE}`, call)) === undefined) return []
  const entries = await listEntries(store, call, id)
  return entries.flatMap(({ entry }) => (entry?.keys === undefined ? [] : [entry]))
}

async function newestOf(store: Store, id: string, call: CallOptions): Promise<TrashEntry> {
  datasetDirectory(id) // throws for what is none
  const last = await lastEntry(store, id, call)
  if (last !== undefined) return last
  const message = `${id} is not in the trash`
  throw new StoreError({ kind: 'missing', op: 'restore', where: store.traits.root, message })
}

function asObject({ directory, aliases, removedMs, untilMs, keys, movedTo }: TrashEntry) {
  return {
    dataset: directory.replace('/', ''),
    aliases,
    keys,
    removed: new Date(removedMs).toISOString(),
    until: untilMs === undefined ? undefined : new Date(untilMs).toISOString(),
    movedTo: movedTo?.url,
  }
}

function day(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}
