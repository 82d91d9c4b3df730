import { copyDataset } from '../../admin/copy/copy-dataset.ts'
import type { Late } from '../../admin/copy/late.ts'
import { nameOf, PLACE_RECORD } from '../../admin/copy/record-place.ts'
import { findAlsoMoved, finishMove, halfMoved, movedEntry } from '../../admin/move/finish-move.ts'
import { moveDataset } from '../../admin/move/move-dataset.ts'
import type { Gone } from '../../admin/move/new-place.ts'
import { printable } from '../../core/printable.ts'
import { requireRemovable } from '../../ria/layout/append-only.ts'
import { realDataset } from '../../ria/layout/datasets.ts'
import { commandsForClones } from '../../ria/layout/moved-to.ts'
import { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { ArgsOf } from '../command.ts'
import { confirmDeletion } from '../confirm-deletion.ts'
import type { Console } from '../console.ts'
import { type CopyWork, describeCopied, type Ends, forEachCopied, urlOf } from '../copying.ts'
import { idOf } from '../dataset-names.ts'
import { commonExit, EXIT } from '../exit-codes.ts'
import { limitsOf } from '../limits.ts'
import { type NamedStore, openNamedStore, parseStore, urlsOfName } from '../open-store.ts'
import { problemAsText } from '../problems.ts'
import { parseAge } from '../quantities.ts'
import type { MOVE } from '../table/copy.ts'

/** `riastore move` */
export async function run(console: Console, args: ArgsOf<typeof MOVE>): Promise<number> {
  const { src, dst, datasets, dryRun = false, breakLock } = args
  const keepMs = parseAge('keep', args.keep)
  const call = { signal: console.signal }
  const question = `Move ${datasets.join(' ') || 'all datasets'} of ${src} to ${dst}?`
  if (!(await confirmDeletion(console, args, question))) return EXIT.failed
  const url = urlOf(await parseStore(dst, { forWriting: true }))
  const moveOne: CopyWork = async (given, names, options, { from, named, to }) => {
    const said = { type: 'dataset', action: 'move', ...names, dryRun }
    if (dryRun) {
      if ((await movedEntry(given, url, call)) !== undefined) {
        console.report(said, () => printable(`${given.name}: it was moved to ${named.shown} already`))
        return EXIT.done
      }
      const dataset = await realDataset(given, call)
      await requireRemovable(dataset, 'move', call)
      const report = await copyDataset(dataset, to, { ...options, madeAgain: PLACE_RECORD })
      console.progress.clear()
      const text = () => printable(`${given.name}: ${describeCopied(report)}, and would move it to ${named.shown}`)
      console.report({ ...said, ...report }, text)
      for (const problem of report.problems) console.complain(`${given.name}: ${problem}`)
      return report.problems.length === 0 ? EXIT.done : EXIT.problems
    }
    const place = { url, old: await namesOf(src, from) }
    let read = 0
    const onRead = (bytes: number) => {
      read += bytes
      console.progress.show({ label: `${given.name} reading back`, done: read, total: 0, unit: 'bytes' })
    }
    const moved = await moveDataset(given, to, { ...options, place, keepMs, breakLock, onRead })
    console.progress.clear()
    if (moved.outcome === 'stays') {
      const problems = [...moved.problems, ...moved.damages.map((problem) => problemAsText(problem))]
      for (const problem of problems) console.complain(`${given.name}: ${problem}`)
      console.complain(`${given.name}: it was not moved, and stays in ${from.shown}`)
      return EXIT.problems
    }
    const { copied } = moved
    const what = copied === undefined ? `it is in ${named.shown}` : `${describeCopied(copied)}; moved to ${named.shown}`
    return tell(console, given.name, moved, { from, url, what, said: { ...said, ...copied, verified: true } })
  }
  const finishHalf = async (code: number, { from, named, to }: Ends) => {
    const store = await openNamedStore(from, limitsOf(args))
    try {
      const codes = [code]
      for (const entry of dryRun ? [] : await halfMoved(store, url, call)) {
        const { directory, aliases } = entry
        const copy = new StoredDataset(to, directory)
        const place = { url, old: await namesOf(src, from) }
        const finished = await finishMove(store, entry, copy, { ...call, place, breakLock })
        const said = { type: 'dataset', action: 'move', dataset: idOf(directory), aliases, dryRun }
        codes.push(tell(console, idOf(directory), finished, { from, url, said, what: `it is in ${named.shown}` }))
      }
      return commonExit(codes)
    } finally {
      await store.close()
    }
  }
  const each = { action: 'move', forWriting: true, find: findAlsoMoved(url) }
  return forEachCopied(console, args, each, moveOne, async (code, ends) => (ends.all ? finishHalf(code, ends) : code))
}

interface Told {
  readonly from: NamedStore
  readonly url: string
  readonly said: { readonly type: string; readonly verified?: boolean }
  readonly what: string
}

/** Reports what is in the other store now. Returns the exit code. */
function tell(console: Console, name: string, gone: Gone, { from, url, said, what }: Told): number {
  const { entry, late, sibling } = gone
  const until = entry.untilMs === undefined ? undefined : new Date(entry.untilMs).toISOString()
  const problems = [...gone.problems, ...(late === undefined ? [] : [lateness(late, from)])]
  const clones = commandsForClones({ url, sibling: sibling && nameOf(sibling) }, entry.directory)
  const done = { ...said, until, recorded: sibling?.updated === true, clones, problems }
  console.report(done, () => printable(`${name}: ${what}`))
  if (!console.json) for (const line of note(from, until, clones)) console.note(line)
  for (const problem of problems) console.complain(`${name}: ${problem}`)
  return problems.length === 0 ? EXIT.done : EXIT.problems
}

function lateness({ keys, archive, refs }: Late, from: NamedStore): string {
  const what = [...(keys > 0 ? [`${keys} keys`] : []), ...(archive ? ['another archive'] : []), ...refs].join(', ')
  return `${what} came at the last moment and are in the trash of ${from.shown} alone: riastore restore there, then riastore copy`
}

/** All names under which clones may know the store. */
async function namesOf(given: string, from: NamedStore): Promise<readonly string[]> {
  const named = await urlsOfName(given).catch(() => undefined)
  return [urlOf(from), given, ...(named === undefined ? [] : [named.url, named.pushUrl ?? ''])].filter(Boolean)
}

function note(from: NamedStore, until: string | undefined, clones: readonly string[]): readonly string[] {
  const kept = until === undefined ? '' : ` until ${until.slice(0, 10)}`
  return [
    `it is in the trash of ${from.shown}${kept}; each clone has to be told (SIBLING is what it calls it):`,
    ...clones.map((command) => `  ${printable(command)}`),
  ]
}
