import { type CopyReport, copyDataset } from '../../admin/copy/copy-dataset.ts'
import { ConfigError } from '../../core/errors.ts'
import { printable } from '../../core/printable.ts'
import { type Alias, listAliases } from '../../git/alias.ts'
import { realDataset } from '../../ria/layout/datasets.ts'
import { findStore, makeStore } from '../../ria/make-store.ts'
import { factsOf } from '../../store/schemes.ts'
import type { CallOptions, Store } from '../../store/store.ts'
import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { forEachDataset } from '../each-dataset.ts'
import { EXIT } from '../exit-codes.ts'
import { limitsOf } from '../limits.ts'
import { openNamedStore, parseStore } from '../open-store.ts'
import { formatSize } from '../quantities.ts'
import type { COPY } from '../table/copy.ts'
import { counted } from '../tables.ts'

/** `riastore copy` */
export async function run(console: Console, args: ArgsOf<typeof COPY>): Promise<number> {
  const { src, dst, datasets, dryRun, force } = args
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
    return await forEachDataset(console, selected, { action: 'copy', forWriting: false }, async (dataset, names) => {
      if (dataset.store.traits.root === to.traits.root) throw new ConfigError('SRC and DST are the same store')
      if (aliasesThere === undefined && !(await requireStore(to, factsOf(named.location).directories, dryRun, call))) {
        aliasesThere = [] // it would be made
      }
      aliases ??= await listAliases(dataset.store, call)
      aliasesThere ??= await listAliases(to, call)
      const report = await copyDataset(await realDataset(dataset, call), to, {
        ...call,
        dryRun,
        force,
        aliases,
        aliasesThere,
        onKeys: (keys) =>
          console.progress.show({ label: `${dataset.name} copying`, done: keys, total: 0, unit: 'keys' }),
      })
      console.progress.clear()
      console.report({ type: 'dataset', action: 'copy', ...names, ...report }, () => summarize(dataset.name, report))
      for (const problem of report.problems) console.complain(`${dataset.name}: ${problem}`)
      return report.problems.length === 0 ? EXIT.done : EXIT.problems
    })
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

function summarize(name: string, report: CopyReport): string {
  const { dryRun, keys, bytes, kept, archiveBytes, refs, newAliases } = report
  const copied = [
    ...(keys > 0 ? [`${counted(keys, 'key')}, ${formatSize(bytes)}`] : []),
    ...(archiveBytes > 0 ? [`an archive of ${formatSize(archiveBytes)}`] : []),
    ...(refs > 0 ? [counted(refs, 'ref')] : []),
    ...newAliases.map((alias) => `~${alias}`),
  ]
  const had = kept > 0 ? ` (${counted(kept, 'key')} ${kept === 1 ? 'was' : 'were'} there)` : ''
  if (copied.length === 0) return printable(`${name}: nothing new${had}`)
  return printable(`${name}: ${dryRun ? 'would copy' : 'copied'} ${copied.join('; ')}${had}`)
}
