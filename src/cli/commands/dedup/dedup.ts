import { findTwins } from '../../../admin/dedup/find-twins.ts'
import { type Plan, type PlannedFile, planSeparating, planSharing } from '../../../admin/dedup/plan.ts'
import { type Outcome, withSharing } from '../../../admin/dedup/share.ts'
import { ConfigError } from '../../../core/errors.ts'
import { printable } from '../../../core/printable.ts'
import type { StoredDataset } from '../../../ria/layout/stored-dataset.ts'
import type { Store } from '../../../store/store.ts'
import type { ArgsOf } from '../../command.ts'
import { confirmDeletion } from '../../confirm-deletion.ts'
import type { Console } from '../../console.ts'
import { type DatasetNames, NameFinder } from '../../dataset-names.ts'
import { commonExit, EXIT, exitCodeOf } from '../../exit-codes.ts'
import { type NamedStore, openNamedStore, parseStore } from '../../open-store.ts'
import { formatSize } from '../../quantities.ts'
import type { DEDUP } from '../../table/gc.ts'
import { counted } from '../../tables.ts'

type Args = ArgsOf<typeof DEDUP>

/** What a change of a file is worth, or a whole run. */
interface Sum {
  keys: number
  bytes: number
  /** That are not the same although they have one key. */
  different: number
  /** That cannot share. */
  left: number
}

/** `riastore dedup` */
export async function run(console: Console, args: Args): Promise<number> {
  const named = await parseStore(args.store, { forWriting: true })
  if (named.dataset !== undefined && !named.ofClone) {
    throw new ConfigError(`this is about the whole store: leave #${named.dataset} away`)
  }
  if (named.location.scheme !== 'file') {
    throw new ConfigError(
      `${named.shown} is not on a disk of this machine, and only there files can share bytes: run it there`,
    )
  }
  const what = args.undo ? 'Give each file bytes of its own' : 'Have the same keys share their bytes'
  if (!(await confirmDeletion(console, args, `${what} in ${named.shown}?`))) return EXIT.failed
  const store = await openNamedStore(named)
  try {
    return await dedup(console, args, named, store)
  } finally {
    await store.close()
  }
}

async function dedup(console: Console, args: Args, named: NamedStore, store: Store): Promise<number> {
  const { undo = false, dryRun = false } = args
  const call = { signal: console.signal }
  const onKeys = (done: number) => console.progress.show({ label: 'keys seen', done, total: 0, unit: 'keys' })
  const twins = await findTwins(store, { ...call, onKeys })
  const plan = await (undo ? planSeparating(twins) : planSharing(twins))
  const finder = new NameFinder(store, console.json, call)
  const all: Sum = { keys: 0, bytes: 0, different: 0, left: 0 }
  const codes: number[] = []
  for (const { dataset, files } of plan.files.values()) {
    try {
      const sum = await ofDataset(console, args, named, dataset, files, await finder.namesOf(dataset))
      codes.push(sum.different > 0 ? EXIT.problems : EXIT.done)
      for (const key of ['keys', 'bytes', 'different', 'left'] as const) all[key] += sum[key]
    } catch (error) {
      if (console.signal.aborted) throw error
      console.fail(error, { dataset: dataset.name })
      codes.push(exitCodeOf(error))
    } finally {
      console.progress.clear()
    }
  }
  const failed = codes.filter((code) => code !== EXIT.done && code !== EXIT.problems).length
  const { different: findings, keys, bytes } = all
  console.emit({ type: 'summary', action: 'dedup', dryRun, datasets: codes.length, failed, findings, keys, bytes })
  console.note(printable(describe(all, plan, undo, dryRun)))
  return commonExit(codes)
}

async function ofDataset(
  console: Console,
  { undo = false, dryRun = false, breakLock }: Args,
  named: NamedStore,
  dataset: StoredDataset,
  files: readonly PlannedFile[],
  names: DatasetNames,
): Promise<Sum> {
  const sum: Sum = { keys: 0, bytes: 0, different: 0, left: 0 }
  const take = (file: PlannedFile, how: Outcome | undefined) => {
    const { key, bytes, keeper } = file
    if (how === 'done' || how === 'changed') return
    if (how === 'unlike') sum.left += 1
    else if (how === 'different') {
      sum.different += 1
      tellDifferent(console, named, file, names)
    } else {
      sum.keys += 1
      sum.bytes += bytes
      console.show({ type: 'key', action: 'dedup', ...names, key, size: bytes, how, with: keeper?.dataset.name }, () =>
        printable(`${dataset.name}: ${key}${how === undefined ? '' : ` (${how})`}`),
      )
    }
  }
  if (dryRun) for (const file of files) take(file, undefined)
  else {
    await withSharing(dataset, { signal: console.signal, breakLock }, async (sharing) => {
      for (const [done, file] of files.entries()) {
        console.progress.show({ label: dataset.name, done, total: files.length, unit: 'keys' })
        const { key, entry, keeper } = file
        const place = keeper?.dataset.where(keeper.entry.path)
        take(file, place === undefined ? await sharing.separate(key, entry) : await sharing.share(key, entry, place))
      }
    })
  }
  const { keys, bytes, left } = sum
  console.report({ type: 'dataset', action: 'dedup', ...names, undo, dryRun, keys, bytes, left }, () =>
    printable(`${dataset.name}: ${dryRun ? 'would change ' : ''}${counted(keys, 'key')}, ${formatSize(bytes)}`),
  )
  return sum
}

function tellDifferent(
  console: Console,
  { shown }: NamedStore,
  { key, dataset, entry, keeper }: PlannedFile,
  names: DatasetNames,
) {
  const other = keeper === undefined ? '' : ` those in ${keeper.dataset.name}, or`
  const why = `its bytes are not${other} those of the key: one of the copies is damaged, and both stay`
  const mend = `riastore check --data ${shown} ${dataset.name}`
  console.show(
    { type: 'finding', check: 'dedup-different', result: 'unsafe', why, ...names, key, path: entry.path, mend },
    () => printable(`DAMAGE ${dataset.name}: ${key}: ${why}\n  mend     ${mend}`),
  )
}

function describe({ keys, bytes, left }: Sum, plan: Plan, undo: boolean, dryRun: boolean): string {
  const would = dryRun ? 'would ' : ''
  if (undo) return `${would}give ${counted(keys, 'key')} bytes of their own: ${formatSize(bytes)} more are taken`
  const before =
    plan.shared > 0 ? `; ${counted(plan.shared, 'key')} shared theirs before, ${formatSize(plan.sharedBytes)}` : ''
  const rest = left > 0 ? `; ${counted(left, 'key')} left, of another owner, mode or file system` : ''
  return `${would}have ${counted(keys, 'key')} share their bytes: ${formatSize(bytes)} ${dryRun ? 'would be' : 'are'} saved${before}${rest}`
}
