import { examineStore } from '../../admin/doctor/examine.ts'
import { ConfigError } from '../../core/errors.ts'
import { liesAt } from '../../ria/settings/store-settings.ts'
import { examineClone } from '../../setup/clone/examine-clone.ts'
import { type CloneState, readCloneState } from '../../setup/clone/state.ts'
import { Dataset } from '../../setup/dataset.ts'
import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { FindingsTable } from '../findings-table.ts'
import { parseStore } from '../open-store.ts'
import { version } from '../own-package.ts'
import { requestLog } from '../process-terminal.ts'
import { withOpenStore } from '../store-command.ts'
import type { DOCTOR } from '../table/store.ts'

/** Nobody waits long for an answer to the question what is wrong. ms. */
const STALL_MS = 5_000

type Args = ArgsOf<typeof DOCTOR> & { readonly stallTimeout?: string | undefined }

/** `riastore doctor` */
export async function run(console: Console, { store: name, stallTimeout }: Args): Promise<number> {
  const { signal } = console
  const clone = await cloneHere(console)
  if (name === undefined && clone !== undefined) {
    const table = await examineHere(console, clone, stallTimeout)
    return table.end('doctor')
  }
  const isOfClone = clone !== undefined && (await isStoreOf(clone, name))
  return withOpenStore(name, async ({ store, probe }) => {
    const table = isOfClone ? await examineHere(console, clone, undefined, false) : new FindingsTable(console)
    await examineStore(store, { signal, probe, report: (finding) => table.add(finding) })
    return table.end('doctor')
  })
}

async function examineHere(
  console: Console,
  clone: CloneState,
  stallTimeout: string | undefined,
  withStores = true,
): Promise<FindingsTable> {
  const longest = Math.max(0, ...clone.siblings.map(({ name }) => name.length))
  const table = new FindingsTable(console, longest + ': publication'.length)
  const { node } = process.versions
  table.add({ check: 'riastore', result: 'ok', why: `${version()}, run by node ${node} (${process.execPath})` })
  await examineClone(clone, {
    signal: console.signal,
    report: (finding) => table.add(finding),
    withStores,
    stallMs: stallTimeout === undefined ? STALL_MS : Number.POSITIVE_INFINITY,
    log: requestLog(),
  })
  table.add(await sevenZipHere())
  return table
}

/** The clone of a dataset that we are in; undefined outside of one. */
async function cloneHere({ signal }: Console): Promise<CloneState | undefined> {
  let dataset: Dataset
  try {
    dataset = await Dataset.open('.', { signal })
  } catch (error) {
    if (signal.aborted || !(error instanceof Error)) throw error
    return undefined // no work tree, or no git to ask
  }
  const state = await readCloneState(dataset)
  const isDataset = dataset.id !== undefined || state.annexUuid !== undefined || state.notEnabled.length > 0
  return isDataset ? state : undefined
}

async function isStoreOf({ siblings }: CloneState, name: string | undefined): Promise<boolean> {
  try {
    const { location } = await parseStore(name, { forWriting: true })
    return siblings.some((sibling) => liesAt(sibling, location))
  } catch (error) {
    if (error instanceof ConfigError) return false // it is told when the store is opened
    throw error
  }
}

async function sevenZipHere() {
  const { findSevenZip } = await import('../../archive/seven-zip/find.ts')
  const { tooOld } = await import('../../archive/seven-zip/version.ts')
  const found = await findSevenZip()
  const check = '7z'
  if (found === undefined) {
    return { check, result: 'skipped', why: 'it is not installed: only who packs archives needs it' } as const
  }
  if (!found.isSafe) return { check, result: 'warning', why: tooOld(found.path, found.version) } as const
  return { check, result: 'ok', why: found.path } as const
}
