import { examinePlace } from '../../admin/doctor/examine.ts'
import { giveUpStaleUploads } from '../../admin/doctor/s3.ts'
import { type Finding, isBad } from '../../core/finding.ts'
import { refuseLoss } from '../../git/refuse-loss.ts'
import { recordAtomicPuts } from '../../ria/layout/atomic-puts.ts'
import { eachDataset } from '../../ria/layout/datasets.ts'
import { findStore, makeAppendOnly, makeStore } from '../../ria/make-store.ts'
import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { EXIT } from '../exit-codes.ts'
import { FindingsTable } from '../findings-table.ts'
import { type OpenedStore, withOpenStore } from '../store-command.ts'
import type { INIT } from '../table/store.ts'

/** `riastore init` */
export function run(
  console: Console,
  { store: name, dryRun, appendOnly = false }: ArgsOf<typeof INIT>,
): Promise<number> {
  return withOpenStore(name, (opened) => (dryRun ? preview(console, opened) : init(console, opened, appendOnly)))
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
  appendOnly: boolean,
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
  const obstacle = findings.find((finding) => isBad(finding) || (before === 'nothing' && isRefusal(finding)))
  if (obstacle !== undefined) {
    tell(false, findings, 'nothing was made')
    console.fail(`init ${root}: ${obstacle.why}`)
    return EXIT.failed
  }
  const made = await makeStore(store, directories, call)
  await recordAtomicPuts(store, call) // or it would have been an obstacle
  if (probe !== undefined) {
    const [result, why] = await giveUpStaleUploads(probe, call)
    findings.push({ check: 'lifecycle', result, why })
  }
  if (appendOnly) {
    await makeAppendOnly(store, call)
    for await (const dataset of eachDataset(store, call)) await refuseLoss(dataset, call)
  }
  tell(made, findings, made ? `made a store: ${root}` : `there is a store already: ${root}`)
  return EXIT.done
}

/** It could not be written, because we may not. */
function isRefusal({ check, result }: Finding): boolean {
  return check === 'writable' && result !== 'ok'
}
