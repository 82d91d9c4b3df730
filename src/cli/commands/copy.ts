import { type CopyReport, copyDataset } from '../../admin/copy/copy-dataset.ts'
import { type Registered, registerCopy } from '../../admin/copy/register-copy.ts'
import type { PutAside } from '../../admin/copy/trash-gone.ts'
import { removeDataset } from '../../admin/trash/remove-dataset.ts'
import { removeKeys } from '../../admin/trash/remove-keys.ts'
import { ConfigError, messageOf } from '../../core/errors.ts'
import { printable } from '../../core/printable.ts'
import { listAliases } from '../../git/alias.ts'
import { eachDataset, realDataset } from '../../ria/layout/datasets.ts'
import { LAYOUT_FILE } from '../../ria/layout/paths.ts'
import { checkRemoteName } from '../../setup/sibling/options.ts'
import type { Store } from '../../store/store.ts'
import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { type CopyWork, describeCopied, forEachCopied, urlOf } from '../copying.ts'
import { commonExit, EXIT, exitCodeOf } from '../exit-codes.ts'
import { limitsOf } from '../limits.ts'
import { type NamedStore, openNamedStore } from '../open-store.ts'
import { isOfShard } from '../portion.ts'
import { parseAge } from '../quantities.ts'
import type { COPY } from '../table/copy.ts'
import { counted } from '../tables.ts'

/** `riastore copy` */
export async function run(console: Console, args: ArgsOf<typeof COPY>): Promise<number> {
  const { force, delete: deletes = false, register = false, name } = args
  if (name !== undefined && !register) throw new ConfigError('--name is what --register calls the copy: give both')
  if (name !== undefined) checkRemoteName(name)
  const keepMs = parseAge('keep', args.keep)
  const call = { signal: console.signal }
  const putAside: PutAside = (copy, entries, mayGo) => removeKeys(copy, entries, { ...call, keepMs, mayGo })
  let isMirror = false
  const copyOne: CopyWork = async (dataset, names, options, { to, named }) => {
    const more = { force, putAside: deletes ? putAside : undefined }
    const original = await realDataset(dataset, call)
    const report = await copyDataset(original, to, { ...options, ...more })
    isMirror ||= !report.made
    const problems = [...report.problems]
    const { made, keys, archiveBytes, refs } = report
    const isOld = !made && keys + archiveBytes + refs === 0
    const about = { ...call, url: urlOf(named), name, dryRun: report.dryRun, isOld }
    const registered = register
      ? await registerCopy(original, to, about).catch((error: unknown) => {
          if (call.signal.aborted) throw error
          problems.push(`git-annex's records were not told of the copy: ${messageOf(error)}`)
          return undefined
        })
      : undefined
    console.progress.clear()
    const text = () => printable(`${dataset.name}: ${describeCopied(report)}${describeRegistered(registered, report)}`)
    console.report({ type: 'dataset', action: 'copy', ...names, ...report, problems, registered }, text)
    for (const problem of problems) console.complain(`${dataset.name}: ${problem}`)
    return problems.length === 0 ? EXIT.done : EXIT.problems
  }
  const each = { action: 'copy', forWriting: register }
  return forEachCopied(console, args, each, copyOne, async (code, { all, from, to }) =>
    deletes && all ? commonExit([code, await removeGone(console, from, to, { ...args, keepMs, isMirror })]) : code,
  )
}

function describeRegistered(registered: Registered | undefined, { dryRun }: CopyReport): string {
  if (registered === undefined) return ''
  const { name, isNew, keys } = registered
  if (dryRun) return isNew ? `; would register it as ${name}` : `; it is registered as ${name}`
  const noted = keys > 0 ? `, with ${counted(keys, 'key')}` : ''
  return isNew || keys > 0 ? `; registered it as ${name}${noted}` : `; it is registered as ${name}`
}

/**
 * Puts datasets into the trash of the copy that the original store has proven not to have. Not
 * where the copy had none of its datasets before (`isMirror` false): then one of the two may be
 * another store than was meant.
 */
async function removeGone(
  console: Console,
  from: NamedStore,
  to: Store,
  { dryRun = false, keepMs, isMirror, ...limits }: ArgsOf<typeof COPY> & { keepMs: number; isMirror: boolean },
): Promise<number> {
  const call = { signal: console.signal }
  const original = await openNamedStore(from, limitsOf(limits))
  const codes: number[] = []
  try {
    const names = await listAliases(to, call)
    for await (const dataset of eachDataset(to, call)) {
      const { directory, name } = dataset
      if (!isOfShard(limits, name)) continue
      const [ofStore, ofDataset] = await original.statAll([LAYOUT_FILE, `${directory}/${LAYOUT_FILE}`], call)
      if (ofStore === undefined || ofDataset !== undefined) continue
      if (!isMirror) {
        console.complain('DST had none of the datasets of SRC, so what else it has stays: riastore rm removes it')
        return EXIT.problems
      }
      const aliases = names.filter((alias) => alias.directory === directory).map((alias) => alias.name)
      try {
        const entry = dryRun ? undefined : await removeDataset(dataset, { ...call, aliases, keepMs })
        const until = entry && new Date(entry.untilMs).toISOString()
        const said = { type: 'dataset', action: 'copy', dataset: name, aliases, dryRun, removed: true, until }
        console.report(said, () => `${name}: ${dryRun ? 'would be ' : ''}removed, since SRC has it no more`)
        codes.push(EXIT.done)
      } catch (error) {
        if (console.signal.aborted) throw error
        console.fail(error, { dataset: name })
        codes.push(exitCodeOf(error))
      }
    }
    return commonExit(codes)
  } finally {
    await original.close()
  }
}
