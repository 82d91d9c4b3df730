import { printable } from '../../core/printable.ts'
import { collectGarbage, type GcReport } from '../../git/gc.ts'
import { StoredRepository } from '../../git/repository.ts'
import type { ArgsOf } from '../command.ts'
import type { Console } from '../console.ts'
import { forEachDataset } from '../each-dataset.ts'
import { EXIT } from '../exit-codes.ts'
import { formatSize, parseAge } from '../quantities.ts'
import type { GC } from '../table/gc.ts'
import { counted } from '../tables.ts'

/** `riastore gc` */
export async function run(console: Console, args: ArgsOf<typeof GC>): Promise<number> {
  const options = { graceMs: parseAge('grace', args.grace), dryRun: args.dryRun, signal: console.signal }
  return forEachDataset(console, args, { action: 'gc', forWriting: true }, async (dataset, names) => {
    const repository = new StoredRepository(dataset, { gitDir: undefined, shows: false })
    const report = await collectGarbage(repository, options)
    console.report({ type: 'dataset', action: 'gc', ...names, ...report }, () => summarize(dataset.name, report))
    return EXIT.done
  })
}

function summarize(name: string, { dryRun, packs, removed, mended }: GcReport): string {
  const would = dryRun ? 'would ' : ''
  const done = [
    ...(packs.before > packs.after ? [`${would}put ${counted(packs.before, 'pack')} together`] : []),
    ...(removed.packs > 0 || removed.bytes > 0
      ? [`${would}remove${dryRun ? '' : 'd'} ${counted(removed.packs, 'old pack')}, ${formatSize(removed.bytes)}`]
      : []),
    ...(mended ? ['mended what others see of it'] : []),
  ]
  return `${printable(name)}: ${done.length > 0 ? done.join('; ') : 'nothing to do'}`
}
