import { join } from 'node:path'
import { checkDataset } from '../../admin/check/check-dataset.ts'
import type { Problem } from '../../admin/check/problem.ts'
import { SeenGood } from '../../admin/check/seen-good.ts'
import { copyDataset } from '../../admin/copy/copy-dataset.ts'
import { type Late, onlyInOriginal } from '../../admin/copy/late.ts'
import { type RecordedSibling, recordNewPlace } from '../../admin/copy/record-place.ts'
import { requireTwoPlaces } from '../../admin/copy/same-place.ts'
import { contentOf } from '../../admin/trash/entry.ts'
import { removeDataset } from '../../admin/trash/remove-dataset.ts'
import { messageOf } from '../../core/errors.ts'
import { printable } from '../../core/printable.ts'
import { inTemporaryDirectory } from '../../core/work-directory.ts'
import { requireRemovable } from '../../ria/layout/append-only.ts'
import { realDataset } from '../../ria/layout/datasets.ts'
import { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import type { ArgsOf } from '../command.ts'
import { confirmDeletion } from '../confirm-deletion.ts'
import type { Console } from '../console.ts'
import { type CopyWork, describeCopied, forEachCopied, urlOf } from '../copying.ts'
import { EXIT } from '../exit-codes.ts'
import { type NamedStore, urlsOfName } from '../open-store.ts'
import { problemAsText } from '../problems.ts'
import { parseAge } from '../quantities.ts'
import type { MOVE } from '../table/copy.ts'

/** So often clients may store or push between two looks. */
const ROUNDS = 5

/** `riastore move` */
export async function run(console: Console, args: ArgsOf<typeof MOVE>): Promise<number> {
  const { src, dst, datasets, dryRun = false, breakLock } = args
  const keepMs = parseAge('keep', args.keep)
  const call = { signal: console.signal }
  const question = `Move ${datasets.join(' ') || 'all datasets'} of ${src} to ${dst}?`
  if (!(await confirmDeletion(console, args, question))) return EXIT.failed
  const moveOne: CopyWork = async (given, names, options, { from, named, to }) => {
    const dataset = await realDataset(given, call)
    const copy = new StoredDataset(to, dataset.directory, given.name)
    const fail = (problems: readonly string[]) => {
      console.progress.clear()
      for (const problem of problems) console.complain(`${given.name}: ${problem}`)
      console.complain(`${given.name}: it was not moved, and stays in ${from.shown}`)
      return EXIT.problems
    }
    await requireRemovable(dataset, 'move', call) // before hours of copying, and again when it goes
    let report = await copyDataset(dataset, to, options)
    const said = { type: 'dataset', action: 'move', ...names, dryRun }
    if (dryRun) {
      console.progress.clear()
      const text = () => printable(`${given.name}: ${describeCopied(report)}, and would move it to ${named.shown}`)
      console.report({ ...said, ...report }, text)
      for (const problem of report.problems) console.complain(`${given.name}: ${problem}`)
      return report.problems.length === 0 ? EXIT.done : EXIT.problems
    }
    await requireTwoPlaces(dataset, copy, call) // also where only this one is a link into DST
    if (hindering(report.problems).length > 0) return fail(report.problems)
    const damages = await readAll(console, copy, call)
    if (damages.length > 0) return fail(damages.map((problem) => problemAsText(problem)))
    const first = report
    for (let round = 1; round === 1 || report.keys + report.archiveBytes + report.refs > 0; round++) {
      if (round > ROUNDS) return fail(['others store in it all the time: try again later'])
      report = await copyDataset(dataset, to, options)
      if (hindering(report.problems).length > 0) return fail(report.problems)
    }
    const aliases = options.aliases.filter(({ directory }) => directory === dataset.directory).map(({ name }) => name)
    const entry = await removeDataset(dataset, { ...call, aliases, keepMs, breakLock })
    const until = new Date(entry.untilMs).toISOString()
    const late = await onlyInOriginal(new StoredDataset(dataset.store, contentOf(entry.path)), copy, call)
    const isLate = late.keys > 0 || late.archive || late.refs.length > 0
    const problems = isLate ? [lateness(late, from)] : []
    const url = urlOf(named)
    const sibling = await recordNewPlace(copy, await namesOf(src, from), url, call).catch((error: unknown) => {
      problems.push(`git-annex's records in the copy keep the old address: ${messageOf(error)}`)
      return undefined
    })
    const clones = commandsForClones(url, copy.directory, sibling)
    console.progress.clear()
    const done = { ...said, ...first, verified: true, until, recorded: sibling?.updated === true, clones, problems }
    console.report(done, () => printable(`${given.name}: ${describeCopied(first)}; moved to ${named.shown}`))
    if (!console.json) for (const line of note(from, until, clones)) console.note(line)
    for (const problem of problems) console.complain(`${given.name}: ${problem}`)
    return problems.length === 0 ? EXIT.done : EXIT.problems
  }
  return forEachCopied(console, args, { action: 'move', forWriting: true }, moveOne)
}

/** What was left out of a configuration is told, and hinders nothing. */
function hindering(problems: readonly string[]): readonly string[] {
  return problems.filter((problem) => !problem.startsWith('its configuration was copied without'))
}

/** Reads all keys of the copy, whatever was read before, and looks at all else of it. */
async function readAll(console: Console, copy: StoredDataset, call: CallOptions): Promise<readonly Problem[]> {
  return inTemporaryDirectory(async (directory) => {
    const found: Problem[] = []
    let read = 0
    const onChecked = (bytes: number) => {
      read += bytes
      console.progress.show({ label: `${copy.name} reading back`, done: read, total: 0, unit: 'bytes' })
    }
    const data = { seenGood: await SeenGood.load(join(directory, 'checked'), copy), onChecked }
    const seen = await checkDataset(copy, (problem) => found.push(problem), { ...call, data })
    if (found.length === 0 && (seen.left ?? 0) > 0)
      throw copy.error('transient', 'move', `${seen.left} keys could not be read`)
    return found
  })
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

function commandsForClones(url: string, directory: string, sibling: RecordedSibling | undefined): readonly string[] {
  const git = url.startsWith('ria+file://') ? url.slice('ria+file://'.length) : url.slice('ria+'.length)
  const enable = sibling && `git annex enableremote ${word(sibling.name ?? sibling.uuid)} ${word(`url=${url}`)}`
  return [`git remote set-url SIBLING ${word(`${git}/${directory}`)}`, ...(enable === undefined ? [] : [enable])]
}

/** Whoever pushes can name a sibling: for a shell it has to be one word. */
function word(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}

function note(from: NamedStore, until: string, clones: readonly string[]): readonly string[] {
  return [
    `it is in the trash of ${from.shown} until ${until.slice(0, 10)}; each clone has to be told (SIBLING is what it calls it):`,
    ...clones.map((command) => `  ${printable(command)}`),
  ]
}
