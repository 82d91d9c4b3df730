import { type Emptied, emptyTrash } from '../../admin/trash/empty-trash.ts'
import { type Tidied, tidyDataset } from '../../admin/trash/tidy.ts'
import { isStoreError } from '../../core/errors.ts'
import { printable } from '../../core/printable.ts'
import { collectGarbage, type GcReport } from '../../git/gc.ts'
import { StoredRepository } from '../../git/repository.ts'
import { realDataset } from '../../ria/layout/datasets.ts'
import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { forEachDataset } from '../each-dataset.ts'
import { commonExit, EXIT } from '../exit-codes.ts'
import { limitsOf } from '../limits.ts'
import { openNamedStore, parseStore, storeAndRest } from '../open-store.ts'
import { shardOf } from '../portion.ts'
import { formatSize, parseAge } from '../quantities.ts'
import type { GC } from '../table/gc.ts'
import { counted } from '../tables.ts'

/** `riastore gc` */
export async function run(console: Console, args: ArgsOf<typeof GC>): Promise<number> {
  const options = { graceMs: parseAge('grace', args.grace), dryRun: args.dryRun, signal: console.signal }
  const code = await forEachDataset(console, args, { action: 'gc', forWriting: true }, async (named, names) => {
    const dataset = await realDataset(named, { signal: console.signal })
    const tidied = await tidyDataset(dataset, options)
    const repository = new StoredRepository(dataset, { gitDir: undefined, shows: false })
    const report = await collectGarbage(repository, options)
    const { uploads, bytes: uploadBytes, lock } = tidied
    console.report({ type: 'dataset', action: 'gc', ...names, ...report, uploads, uploadBytes, lock }, () =>
      summarize(named.name, report, tidied),
    )
    return EXIT.done
  })
  const isOfStore = args.all && (shardOf(args)?.part ?? 1) === 1
  return isOfStore ? commonExit([code, await trash(console, args)]) : code
}

/** What belongs to no dataset of the store any more. */
async function trash(console: Console, args: ArgsOf<typeof GC>): Promise<number> {
  const { dryRun } = args
  const { store: name } = storeAndRest(args.store === undefined ? [] : [args.store])
  const store = await openNamedStore(await parseStore(name, { forWriting: true }), limitsOf(args))
  try {
    const emptied = await emptyTrash(store, { dryRun, signal: console.signal })
    if (emptied.entries + emptied.finished + emptied.kept === 0) return EXIT.done
    console.report(
      { type: 'store', action: 'gc', store: store.traits.root, dryRun: dryRun === true, trash: emptied },
      () => describeTrash(emptied, dryRun === true),
    )
    return EXIT.done
  } catch (error) {
    if (!isStoreError(error, 'conflict') || error.op !== 'lock') throw error
    console.fail(error)
    return EXIT.locked
  } finally {
    await store.close()
  }
}

function describeTrash({ entries, files, bytes, finished, kept }: Emptied, dryRun: boolean): string {
  const done = [
    ...(entries > 0
      ? [
          `${dryRun ? 'would delete' : 'deleted'} ${counted(entries, 'dataset')} (${counted(files, 'file')}, ${formatSize(bytes)})`,
        ]
      : []),
    ...(finished > 0 ? [`${dryRun ? 'would finish' : 'finished'} ${counted(finished, 'removal')}`] : []),
    ...(kept > 0 ? [`${counted(kept, 'dataset')} can still be restored`] : []),
  ]
  return `the trash: ${done.join('; ')}`
}

function summarize(name: string, { dryRun, packs, loose, removed, mended }: GcReport, tidied: Tidied): string {
  const would = dryRun ? 'would ' : ''
  const remove = `${would}remove${dryRun ? '' : 'd'}`
  const packed = (loose?.before ?? 0) - (loose?.after ?? 0)
  const done = [
    ...(packs.before > packs.after ? [`${would}put ${counted(packs.before, 'pack')} together`] : []),
    ...(packed > 0 ? [`${would}pack${dryRun ? '' : 'ed'} ${counted(packed, 'object')}`] : []),
    ...(removed.packs > 0 ? [`${remove} ${counted(removed.packs, 'old pack')}, ${formatSize(removed.bytes)}`] : []),
    ...(tidied.uploads > 0 ? [`${remove} ${counted(tidied.uploads, 'dead upload')}, ${formatSize(tidied.bytes)}`] : []),
    ...(tidied.lock === 'removed' ? [`${remove} what a dead run had left`] : []),
    ...(tidied.lock === 'held' ? ['its archive is locked'] : []),
    ...(mended ? ['mended what others see of it'] : []),
  ]
  return `${printable(name)}: ${done.length > 0 ? done.join('; ') : 'nothing to do'}`
}
