import { removeKeys } from '../../admin/trash/remove-keys.ts'
import { findUnused, stillUnused, type UnusedKey } from '../../admin/unused/find-unused.ts'
import { chunksOf } from '../../core/parallel.ts'
import { printable } from '../../core/printable.ts'
import { realDataset } from '../../ria/layout/datasets.ts'
import type { Entry } from '../../store/store.ts'
import type { ArgsOf } from '../command.ts'
import { confirmDeletion } from '../confirm-deletion.ts'
import type { Console } from '../console.ts'
import { forEachDataset } from '../each-dataset.ts'
import { EXIT } from '../exit-codes.ts'
import { parseStore } from '../open-store.ts'
import { formatSize, parseAge } from '../quantities.ts'
import type { UNUSED } from '../table/gc.ts'
import { counted } from '../tables.ts'

/** Keys that go under one look at the locks. */
const AT_ONCE = 200

/** `riastore unused` */
export async function run(console: Console, args: ArgsOf<typeof UNUSED>): Promise<number> {
  const { store, datasets, drop = false, dryRun = false, breakLock } = args
  const call = { signal: console.signal }
  const [keepMs, graceMs] = [parseAge('keep', args.keep), parseAge('grace', args.grace)]
  const which = datasets.length > 0 ? datasets.join(' ') : 'all datasets'
  if (drop && !(await confirmDeletion(console, args, `Drop the unused keys of ${which}?`))) return EXIT.failed
  const isNamed = store !== undefined && (await parseStore(store)).dataset !== undefined
  const selected = { ...args, all: datasets.length === 0 && !isNamed }
  return forEachDataset(console, selected, { action: 'unused', forWriting: drop }, async (given, names) => {
    const dataset = await realDataset(given, call)
    const unused: UnusedKey[] = []
    const progress = (what: string, done: number, total: number) =>
      console.progress.show({ label: `${given.name} ${what}`, done, total, unit: 'keys' })
    const onKeys = (looked: number) => progress('looking', looked, 0)
    const report = await findUnused(dataset, (key) => unused.push(key), { ...call, graceMs, onKeys })
    console.progress.clear()
    const { keys, young, unknown, used } = report
    for (const { key, size, loose } of unused) {
      console.show({ type: 'key', action: 'unused', ...names, key, size, archived: loose === undefined }, () =>
        printable(`${given.name}: ${key}${loose === undefined ? ' (archived)' : ''}`),
      )
    }
    const loose = unused.flatMap((key) => (key.loose === undefined ? [] : [key.loose]))
    const gone: Entry[] = []
    if (drop && !dryRun) {
      const mayGo = stillUnused(dataset, used, call)
      for (const some of chunksOf(loose, AT_ONCE)) {
        progress('dropping', gone.length, loose.length)
        gone.push(...(await removeKeys(dataset, some, { ...call, keepMs, mayGo, breakLock })))
      }
      console.progress.clear()
    }
    const bytes = unused.reduce((sum, { size }) => sum + size, 0)
    const counts = { keys, unused: unused.length, bytes, young, unknown, dropped: gone.length, dryRun }
    console.report({ type: 'dataset', action: 'unused', ...names, ...counts }, () => {
      const dropped = drop ? `, ${dryRun ? `would drop ${loose.length}` : `dropped ${gone.length}`}` : ''
      const left = [...(young > 0 ? [`${young} too new`] : []), ...(unknown > 0 ? [`${unknown} encrypted`] : [])]
      const rest = left.length > 0 ? ` (left: ${left.join(', ')})` : ''
      return printable(
        `${given.name}: ${unused.length} of ${counted(keys, 'key')} unused, ${formatSize(bytes)}${dropped}${rest}`,
      )
    })
    return EXIT.done
  })
}
