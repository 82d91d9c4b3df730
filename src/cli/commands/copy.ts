import { type CopyReport, copyDataset } from '../../admin/copy/copy-dataset.ts'
import type { PutAside } from '../../admin/copy/trash-gone.ts'
import { removeDataset } from '../../admin/trash/remove-dataset.ts'
import { removeKeys } from '../../admin/trash/remove-keys.ts'
import { ConfigError } from '../../core/errors.ts'
import { printable } from '../../core/printable.ts'
import { type Alias, listAliases } from '../../git/alias.ts'
import { eachDataset, realDataset } from '../../ria/layout/datasets.ts'
import { LAYOUT_FILE } from '../../ria/layout/paths.ts'
import { findStore, makeStore } from '../../ria/make-store.ts'
import { factsOf } from '../../store/schemes.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { forEachDataset } from '../each-dataset.ts'
import { commonExit, EXIT, exitCodeOf } from '../exit-codes.ts'
import { limitsOf } from '../limits.ts'
import { type NamedStore, openNamedStore, parseStore } from '../open-store.ts'
import { formatSize, parseAge } from '../quantities.ts'
import type { COPY } from '../table/copy.ts'
import { counted } from '../tables.ts'

/** `riastore copy` */
export async function run(console: Console, args: ArgsOf<typeof COPY>): Promise<number> {
  const { src, dst, datasets, dryRun, force, delete: deletes = false } = args
  const keepMs = parseAge('keep', args.keep)
  const call = { signal: console.signal }
  const named = await parseStore(dst, { forWriting: true })
  if (named.dataset !== undefined) throw new ConfigError(`DST is a whole store: leave #${named.dataset} away`)
  const from = await parseStore(src)
  const all = datasets.length === 0 && from.dataset === undefined
  const to = await openNamedStore(named, limitsOf(args))
  try {
    let aliases: readonly Alias[] | undefined
    let aliasesThere: readonly Alias[] | undefined
    const selected = { store: src, datasets, all, jobs: args.jobs, bwlimit: args.bwlimit }
    const putAside: PutAside = (copy, entries, mayGo) => removeKeys(copy, entries, { ...call, keepMs, mayGo })
    const code = await forEachDataset(
      console,
      selected,
      { action: 'copy', forWriting: false },
      async (dataset, names) => {
        if (dataset.store.traits.root === to.traits.root) throw new ConfigError('SRC and DST are the same store')
        if (
          aliasesThere === undefined &&
          !(await requireStore(to, factsOf(named.location).directories, dryRun, call))
        ) {
          aliasesThere = [] // it would be made
        }
        aliases ??= await listAliases(dataset.store, call)
        aliasesThere ??= await listAliases(to, call)
        const report = await copyDataset(await realDataset(dataset, call), to, {
          ...call,
          dryRun,
          force,
          putAside: deletes ? putAside : undefined,
          aliases,
          aliasesThere,
          onKeys: (keys) =>
            console.progress.show({ label: `${dataset.name} copying`, done: keys, total: 0, unit: 'keys' }),
        })
        console.progress.clear()
        console.report({ type: 'dataset', action: 'copy', ...names, ...report }, () => summarize(dataset.name, report))
        for (const problem of report.problems) console.complain(`${dataset.name}: ${problem}`)
        return report.problems.length === 0 ? EXIT.done : EXIT.problems
      },
    )
    if (!deletes || !all) return code
    return commonExit([code, await removeGone(console, from, to, { ...args, keepMs })])
  } finally {
    await to.close()
  }
}

/**
 * Sees to it that the store is there, or would be. False: it is not, and nothing was to be changed.
 */
async function requireStore(
  store: Store,
  directories: boolean,
  dryRun: boolean | undefined,
  call: CallOptions,
): Promise<boolean> {
  if (dryRun) return (await findStore(store, call)) === 'store'
  await makeStore(store, directories, call)
  return true
}

/** Puts datasets into the trash of the copy that the original store has proven not to have. */
async function removeGone(
  console: Console,
  from: NamedStore,
  to: Store,
  { dryRun = false, keepMs, ...limits }: ArgsOf<typeof COPY> & { readonly keepMs: number },
): Promise<number> {
  const call = { signal: console.signal }
  const original = await openNamedStore(from, limitsOf(limits))
  const codes: number[] = []
  try {
    const names = await listAliases(to, call)
    for await (const dataset of eachDataset(to, call)) {
      const { directory, name } = dataset
      const [ofStore, ofDataset] = await original.statAll([LAYOUT_FILE, `${directory}/${LAYOUT_FILE}`], call)
      if (ofStore === undefined || ofDataset !== undefined) continue
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

function summarize(name: string, report: CopyReport): string {
  const { dryRun, keys, bytes, kept, archiveBytes, refs, newAliases, gone } = report
  const copied = [
    ...(keys > 0 ? [`${counted(keys, 'key')}, ${formatSize(bytes)}`] : []),
    ...(archiveBytes > 0 ? [`an archive of ${formatSize(archiveBytes)}`] : []),
    ...(refs > 0 ? [counted(refs, 'ref')] : []),
    ...newAliases.map((alias) => `~${alias}`),
  ]
  const had = kept > 0 ? ` (${counted(kept, 'key')} ${kept === 1 ? 'was' : 'were'} there)` : ''
  const went =
    gone.keys > 0
      ? `; ${dryRun ? 'would remove' : 'removed'} ${counted(gone.keys, 'key')}, ${formatSize(gone.bytes)}`
      : ''
  if (copied.length === 0 && went === '') return printable(`${name}: nothing new${had}`)
  return printable(`${name}: ${dryRun ? 'would copy' : 'copied'} ${copied.join('; ') || 'nothing'}${had}${went}`)
}
