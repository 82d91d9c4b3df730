import { describeDataset } from '../../../admin/inventory/describe.ts'
import type { DatasetFacts } from '../../../admin/inventory/facts.ts'
import { OwnerNames } from '../../../admin/inventory/owner-names.ts'
import { isStoreError } from '../../../core/errors.ts'
import { inOrder } from '../../../core/parallel.ts'
import { printable } from '../../../core/printable.ts'
import { aliasesByDirectory } from '../../../git/alias.ts'
import { eachDataset } from '../../../ria/layout/datasets.ts'
import type { StoredDataset } from '../../../ria/layout/stored-dataset.ts'
import type { Store } from '../../../store/store.ts'
import type { Console } from '../../console.ts'
import { EXIT } from '../../exit-codes.ts'
import { Portion } from '../../portion.ts'
import { formatSize, parseAge } from '../../quantities.ts'
import { counted } from '../../tables.ts'
import { asTree } from './tree.ts'

export interface DatasetsArgs {
  readonly long: boolean | undefined
  readonly match: string | undefined
  readonly newer: string | undefined
  readonly older: string | undefined
  readonly sort: 'id' | 'name' | 'date' | 'keys' | 'size' | undefined
  readonly tree: boolean | undefined
  readonly shard: string | undefined
}

/** A dataset needs several calls of the store, and few of them wait for others. */
const DATASETS_AT_ONCE = 8

/** The datasets of a store, a line each. */
export async function listDatasets(console: Console, store: Store, args: DatasetsArgs): Promise<number> {
  const call = { signal: console.signal }
  const portion = await Portion.open(console, 'ls', store.traits.root, args)
  const { long = false, tree = false, sort } = args
  const owners = new OwnerNames(store)
  const wanted = filterOf(args)
  const aliases = await aliasesByDirectory(store, call)
  const keys = long || sort === 'keys' || sort === 'size'
  let [datasets, failed] = [0, 0]
  const describe = async (dataset: StoredDataset) => {
    try {
      return await describeDataset(dataset, {
        ...call,
        keys,
        aliases: aliases.get(dataset.directory),
        subdatasets: tree,
      })
    } catch (error) {
      if (console.signal.aborted || isStoreError(error, 'unreachable')) throw error
      console.fail(error, { dataset: dataset.name })
      failed += 1
      return undefined
    }
  }
  const show = async (facts: DatasetFacts, depth = 0) => {
    datasets += 1
    const owner = long && facts.owner !== undefined ? await owners.nameOf(facts.owner, call) : undefined
    console.show(asObject(facts, owner), () => `${'  '.repeat(depth)}${line(facts, long, owner)}`)
    for (const problem of facts.problems) console.complain(`${facts.id}: ${problem}`)
  }
  const kept: DatasetFacts[] = []
  for await (const facts of inOrder(portion.of(eachDataset(store, call)), DATASETS_AT_ONCE, describe)) {
    if (facts === undefined || !wanted(facts)) continue
    if (sort === undefined && !tree) await show(facts)
    else kept.push(facts)
  }
  if (tree) for (const { facts, depth } of asTree(kept)) await show(facts, depth)
  else for (const facts of sort === undefined ? [] : kept.sort(ORDERS[sort])) await show(facts)
  console.emit({ type: 'summary', action: 'ls', datasets, failed })
  return failed === 0 ? EXIT.done : EXIT.failed
}

function filterOf({ match, newer, older }: DatasetsArgs): (facts: DatasetFacts) => boolean {
  const text = match?.toLowerCase()
  const newerMs = newer === undefined ? undefined : Date.now() - parseAge('newer', newer)
  const olderMs = older === undefined ? undefined : Date.now() - parseAge('older', older)
  return ({ id, aliases, name, newest }) =>
    (text === undefined || [id, name ?? '', ...aliases].some((each) => each.toLowerCase().includes(text))) &&
    (newerMs === undefined || (newest !== undefined && newest.committedMs >= newerMs)) &&
    (olderMs === undefined || newest === undefined || newest.committedMs < olderMs)
}

const keysOf = ({ keys }: DatasetFacts) => (keys?.loose ?? 0) + (keys?.archived ?? 0)
const bytesOf = ({ keys }: DatasetFacts) => (keys?.looseBytes ?? 0) + (keys?.archivedBytes ?? 0)

const ORDERS = {
  id: (a, b) => (a.id < b.id ? -1 : 1),
  name: (a, b) => ((a.name ?? '\uffff').toLowerCase() < (b.name ?? '\uffff').toLowerCase() ? -1 : 1),
  date: (a, b) => (b.newest?.committedMs ?? 0) - (a.newest?.committedMs ?? 0),
  keys: (a, b) => keysOf(b) - keysOf(a),
  size: (a, b) => bytesOf(b) - bytesOf(a),
} as const satisfies Record<string, (a: DatasetFacts, b: DatasetFacts) => number>

function asObject({ id, newest, sharing, owner, keys, ...facts }: DatasetFacts, ownerName: string | undefined) {
  return {
    type: 'dataset',
    action: 'ls',
    dataset: id,
    ...facts,
    newest: newest && {
      commit: newest.id,
      branch: newest.branch,
      date: new Date(newest.committedMs).toISOString(),
    },
    sharing: sharing && `0${sharing.mode.toString(8)}`,
    owner: owner && { ...owner, name: ownerName },
    keys,
  }
}

function line(facts: DatasetFacts, long: boolean, owner: string | undefined): string {
  const { id, aliases, name, newest, layout, sharing, keys } = facts
  const day = newest === undefined ? '-' : new Date(newest.committedMs).toISOString().slice(0, 10)
  const details = long
    ? [
        newest?.branch ?? '-',
        keys === undefined ? '-' : `${counted(keys.loose, 'key')} ${formatSize(keys.looseBytes)}`,
        keys === undefined || keys.archived === 0
          ? ''
          : `+ ${keys.archived} ${formatSize(keys.archivedBytes)} archived`,
        `v${layout ?? '?'}`,
        sharing === undefined ? '' : `shared 0${sharing.mode.toString(8)}`,
        owner ?? '',
      ]
    : []
  const words = [day.padEnd(10), id, ...details, ...aliases.map((alias) => `~${alias}`), name ?? '']
  return printable(words.filter((word) => word !== '').join('  '))
}
