import { examinePlace } from '../../admin/doctor/examine.ts'
import { lockContents } from '../../admin/doctor/lock-contents.ts'
import { giveUpStaleUploads } from '../../admin/doctor/s3.ts'
import { ConfigError } from '../../core/errors.ts'
import { type Finding, isBad } from '../../core/finding.ts'
import { printable } from '../../core/printable.ts'
import { refuseLoss } from '../../git/refuse-loss.ts'
import { markAppendOnly } from '../../ria/layout/append-only.ts'
import { recordAtomicPuts } from '../../ria/layout/atomic-puts.ts'
import { eachDataset, findDataset, realDataset } from '../../ria/layout/datasets.ts'
import { LAYOUT_FILE } from '../../ria/layout/paths.ts'
import { readSharing } from '../../ria/layout/read-layout.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import { findStore, makeAppendOnly, makeStore } from '../../ria/make-store.ts'
import type { CallOptions } from '../../store/store.ts'
import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { EXIT } from '../exit-codes.ts'
import { FindingsTable } from '../findings-table.ts'
import { type OpenedStore, withOpenStore } from '../store-command.ts'
import type { INIT } from '../table/store.ts'

/** `riastore init` */
export function run(
  console: Console,
  { store: name, datasets, dryRun, appendOnly = false, until }: ArgsOf<typeof INIT>,
): Promise<number> {
  if (datasets.length > 0 && !appendOnly) throw new ConfigError('datasets are named for --append-only alone')
  if (until !== undefined) checkUntil(until, appendOnly)
  const wish = appendOnly ? { datasets, until } : undefined
  return withOpenStore(name, (opened) => (dryRun ? preview(console, opened) : init(console, opened, wish)))
}

/** What is to be append-only: datasets that are named, or the whole store. */
interface AppendOnlyWish {
  readonly datasets: readonly string[]
  readonly until: string | undefined
}

function checkUntil(until: string, appendOnly: boolean): void {
  if (!appendOnly) throw new ConfigError('--until is about --append-only: give both')
  const dayMs = /^\d{4}-\d\d-\d\d$/.test(until) ? Date.parse(`${until}T00:00:00Z`) : Number.NaN
  // JavaScript takes the 31st of February for a day in March.
  const isDay = !Number.isNaN(dayMs) && new Date(dayMs).toISOString().startsWith(until)
  if (!isDay) throw new ConfigError(`--until is ${JSON.stringify(until)}: it takes a day like 2030-12-31`)
  if (dayMs < Date.now()) throw new ConfigError(`--until is ${until}, which is past, or today`)
}

/** Looks only at what is there: whether it is a safe place can only be told by writing there. */
async function preview(console: Console, { store }: OpenedStore): Promise<number> {
  const { root } = store.traits
  const made = (await findStore(store, { signal: console.signal })) === 'nothing'
  const text = made ? `would make a store: ${root}` : `there is a store already: ${root}`
  console.report({ type: 'store', store: root, dryRun: true, made }, text)
  return EXIT.done
}

async function init(
  console: Console,
  { store, probe, directories }: OpenedStore,
  wish: AppendOnlyWish | undefined,
): Promise<number> {
  const call = { signal: console.signal }
  const { root } = store.traits
  const tell = (made: boolean, findings: readonly Finding[], text: string) => {
    const table = new FindingsTable(console)
    for (const finding of findings) table.add(finding)
    console.show({ type: 'store', store: root, dryRun: false, made }, text)
  }
  const before = await findStore(store, call)
  const findings = [...(await examinePlace(store, { ...call, probe, report: () => {} }))]
  // A store that is there may be one that we may only read.
  // One in which pushes are refused, for want of put-if-absent, may well be made append-only.
  const matters = ({ check }: Finding) =>
    before === 'nothing' || wish === undefined || !check.startsWith('put-if-absent')
  const isObstacle = (finding: Finding) => isBad(finding) || (before === 'nothing' && isRefusal(finding))
  const obstacle = findings.find((finding) => isObstacle(finding) && matters(finding))
  if (obstacle !== undefined) {
    tell(false, findings, 'nothing was made')
    console.fail(`init ${root}: ${obstacle.why}`)
    return EXIT.failed
  }
  const made = await makeStore(store, directories, call)
  const isSafe = !findings.some(isBad)
  if (isSafe) await recordAtomicPuts(store, call)
  if (probe !== undefined) {
    const [result, why] = await giveUpStaleUploads(probe, call)
    findings.push({ check: 'lifecycle', result, why })
  }
  const named = await Promise.all((wish?.datasets ?? []).map((dataset) => findDataset(store, dataset, call)))
  if (wish !== undefined && named.length === 0) {
    await makeAppendOnly(store, { ...call, until: wish.until })
    for await (const dataset of eachDataset(store, call)) await refuseLoss(dataset, call)
  }
  const kept: StoredDataset[] = []
  for (const dataset of named) kept.push(await keep(dataset, wish?.until, call))
  if (wish !== undefined && probe !== undefined) {
    const datasets = named.length === 0 ? eachDataset(store, call) : kept
    const [result, why] = await lockContents(store, probe, datasets, { ...call, until: wish.until })
    findings.push({ check: 'object lock', result, why })
  }
  tell(made, findings, made ? `made a store: ${root}` : `there is a store already: ${root}`)
  for (const dataset of kept) tellKept(console, dataset, wish?.until)
  return isSafe ? EXIT.done : EXIT.problems
}

/** Makes a dataset append-only. Resolves with where it really lies. */
async function keep(given: StoredDataset, until: string | undefined, call: CallOptions): Promise<StoredDataset> {
  const dataset = await realDataset(given, call)
  const options = { ...call, until, sharing: await readSharing(dataset, call) }
  await markAppendOnly(dataset.store, dataset.path(LAYOUT_FILE), options)
  await refuseLoss(dataset, call)
  return dataset
}

function tellKept(console: Console, { name, directory }: StoredDataset, until: string | undefined): void {
  const id = directory.replace('/', '')
  const said = { type: 'dataset', action: 'init', dataset: id, aliases: [], appendOnly: true, until }
  console.report(said, () => printable(`${name}: append-only${until === undefined ? '' : ` until ${until}`}`))
}

/** It could not be written, because we may not. */
function isRefusal({ check, result }: Finding): boolean {
  return check === 'writable' && result !== 'ok'
}
