import { join } from 'node:path'
import { checkDataset } from '../../../admin/check/check-dataset.ts'
import { checkStore } from '../../../admin/check/check-store.ts'
import type { Problem } from '../../../admin/check/problem.ts'
import { SeenGood } from '../../../admin/check/seen-good.ts'
import { moveToSaidId, placeOfSaidId } from '../../../admin/move/move-to-id.ts'
import type { GoodCopies } from '../../../admin/repair/good-copies.ts'
import { previewRepair } from '../../../admin/repair/preview.ts'
import { repairDataset } from '../../../admin/repair/repair-dataset.ts'
import { repairStore } from '../../../admin/repair/repair-store.ts'
import type { Mended, Outcome, Repaired, TellRepaired } from '../../../admin/repair/repaired.ts'
import { cacheDirectory } from '../../../core/cache-directory.ts'
import { isStoreError, messageOf } from '../../../core/errors.ts'
import { parseGitConfig } from '../../../core/git-config.ts'
import { printable } from '../../../core/printable.ts'
import { aliasesByDirectory } from '../../../git/alias.ts'
import type { StoredDataset } from '../../../ria/layout/stored-dataset.ts'
import type { Store } from '../../../store/store.ts'
import type { ArgsOf } from '../../command.ts'
import { confirmDeletion } from '../../confirm-deletion.ts'
import type { Console } from '../../console.ts'
import { idOf, NameFinder } from '../../dataset-names.ts'
import { commonExit, EXIT, exitCodeOf } from '../../exit-codes.ts'
import { limitsOf } from '../../limits.ts'
import { Portion } from '../../portion.ts'
import { problemAsObject, problemAsText } from '../../problems.ts'
import { namedOrAll, withStoreOfWords } from '../../store-words.ts'
import type { REPAIR } from '../../table/inventory.ts'
import { counted } from '../../tables.ts'
import { describeMovedToId } from './describe-moved.ts'
import { openSources, type RepairSources } from './sources.ts'

type Args = ArgsOf<typeof REPAIR>

/** `riastore repair` */
export async function run(console: Console, args: Args): Promise<number> {
  const limits = limitsOf(args)
  const sources = await openSources(args.from ?? [])
  try {
    const work = (store: Store, names: readonly string[]) => new Repair(console, args, store, sources).run(names)
    return await withStoreOfWords(args.words, work, { forWriting: true, limits })
  } finally {
    await sources.close()
  }
}

class Repair {
  readonly #console: Console
  readonly #args: Args
  readonly #store: Store
  readonly #sources: RepairSources
  readonly #counts: Record<Outcome, number> = { mended: 0, quarantined: 0, left: 0 }
  /** Of the dataset that is worked on. */
  #aliases: readonly string[] = []

  constructor(console: Console, args: Args, store: Store, sources: RepairSources) {
    this.#console = console
    this.#args = args
    this.#store = store
    this.#sources = sources
  }

  async run(names: readonly string[]): Promise<number> {
    const { dryRun = false } = this.#args
    const console = this.#console
    const call = { signal: console.signal }
    const which = names.length === 0 ? 'all datasets' : names.join(', ')
    const question = `Repair ${which} in ${this.#store.traits.root}, and keep what is damaged in quarantine/?`
    if (!(await confirmDeletion(console, { yes: this.#args.yes, dryRun }, question))) return EXIT.failed
    const portion = await Portion.open(console, 'repair', this.#store.traits.root, this.#args)
    if (names.length === 0 && portion.hasStore) {
      const problems: Problem[] = []
      await checkStore(this.#store, (problem) => problems.push(problem), call)
      await repairStore(this.#store, problems, this.#tell, { ...call, dryRun })
    }
    const codes: number[] = []
    const finder = new NameFinder(this.#store, console.json, call)
    for await (const dataset of namedOrAll(this.#store, names, portion, call)) {
      try {
        this.#aliases = (await finder.namesOf(dataset)).aliases
        const before = this.#counts.quarantined + this.#counts.left
        await this.#repair(dataset, names.length > 0)
        codes.push(EXIT.done)
        const isWhole = this.#counts.quarantined + this.#counts.left === before
        await portion.done(dataset, isWhole ? EXIT.done : EXIT.problems)
      } catch (error) {
        if (console.signal.aborted || isStoreError(error, 'unreachable')) throw error
        portion.failed()
        console.fail(error, { dataset: dataset.name })
        codes.push(exitCodeOf(error))
      } finally {
        console.progress.clear()
      }
    }
    const failed = codes.filter((code) => code !== EXIT.done).length
    const { mended, quarantined, left } = this.#counts
    const sum = { datasets: codes.length, mended, quarantined, left }
    console.emit({ type: 'summary', action: 'repair', dryRun, ...sum, failed, ...portion.summary })
    await portion.end()
    const would = dryRun ? 'would be ' : ''
    const text = `${counted(codes.length, 'dataset')}; ${would}mended ${mended}, ${would}in quarantine ${quarantined}, left ${left}`
    console.print(text)
    const earlier = portion.resumed.map(({ code }) => code)
    return commonExit([...codes, ...earlier, quarantined + left > 0 ? EXIT.problems : EXIT.done])
  }

  async #repair(dataset: StoredDataset, isNamed: boolean): Promise<void> {
    const console = this.#console
    const call = { signal: console.signal }
    const seenGood = await SeenGood.load(join(cacheDirectory(), 'checked'), dataset)
    let read = 0
    const onChecked = (bytes: number) => {
      read += bytes
      console.progress.show({ label: `checking ${dataset.name}`, done: read, total: 0, unit: 'bytes' })
    }
    const problems: Problem[] = []
    const data = { seenGood, subset: this.#args.data ? undefined : ('damaged' as const), onChecked }
    await checkDataset(dataset, (problem) => problems.push(problem), { ...call, data })
    console.progress.clear()
    if (problems.length === 0) return
    const sources = await this.#sources.of(idOf(dataset.directory), call)
    const tell = (repaired: Repaired) => {
      this.#tell(repaired)
      const { outcome, problem } = repaired
      if (problem.key === undefined || outcome === 'left' || this.#args.dryRun) return
      if (outcome === 'mended') seenGood.add(problem.key, Date.now())
      else seenGood.forget(problem.key)
    }
    const ofId = problems.filter(({ code }) => code === 'dataset-id' && isNamed)
    const others = problems.filter((problem) => !ofId.includes(problem))
    if (this.#args.dryRun) await previewRepair(dataset, others, tell, { ...call, sources })
    else await this.#mend(dataset, others, tell, sources).finally(() => seenGood.save())
    for (const problem of ofId) tell({ problem, ...(await this.#moveToSaidId(dataset)) })
  }

  async #mend(
    dataset: StoredDataset,
    problems: readonly Problem[],
    tell: TellRepaired,
    sources: readonly GoodCopies[],
  ) {
    const call = { signal: this.#console.signal }
    const onKeys = (keys: readonly string[], areThere: boolean) => this.#record(dataset, keys, areThere)
    const { breakLock } = this.#args
    await repairDataset(dataset, problems, tell, { ...call, sources, breakLock, onKeys })
  }

  /** Of a dataset that was named: nobody can prove that no copy is kept under an id of its own. */
  async #moveToSaidId(dataset: StoredDataset): Promise<Mended> {
    const call = { signal: this.#console.signal }
    try {
      if (this.#args.dryRun) {
        return { outcome: 'mended', how: `it would be moved to ${await placeOfSaidId(dataset, call)}` }
      }
      const aliases = (await aliasesByDirectory(this.#store, call)).get(dataset.directory) ?? []
      const moved = await moveToSaidId(dataset, { ...call, aliases, breakLock: this.#args.breakLock })
      return { outcome: 'mended', how: describeMovedToId(moved) }
    } catch (error) {
      if (this.#console.signal.aborted || !isStoreError(error, 'denied', 'unsupported', 'missing', 'corrupt'))
        throw error
      return { outcome: 'left', how: messageOf(error) }
    }
  }

  readonly #tell = ({ problem, outcome, how }: Repaired) => {
    this.#counts[outcome] += 1
    const word = this.#args.dryRun && outcome !== 'left' ? `would be ${outcome}` : outcome
    const { result, ...object } = problemAsObject(problem, this.#aliases)
    this.#console.show(
      { ...object, result: outcome === 'mended' ? 'ok' : result, repaired: outcome, how },
      () => `${problemAsText(problem, word)}\n  ${'now'.padEnd(8)} ${printable(how)}`,
    )
  }

  /** Sets right what git-annex recorded in the clones that were named. */
  async #record(dataset: StoredDataset, keys: readonly string[], areThere: boolean): Promise<void> {
    if (this.#sources.clones.length === 0) return
    const config = await dataset.findSmall('config', 1024 * 1024, { signal: this.#console.signal })
    const parsed = config && (await parseGitConfig(config, dataset.where(dataset.path('config'))))
    const named = parsed?.get('datalad.ora-remote.uuid')
    for (const clone of this.#sources.clones) {
      try {
        for (const uuid of await clone.remotesOf(idOf(dataset.directory), named))
          await clone.record(keys, uuid, areThere)
      } catch (error) {
        this.#console.note(
          `what git-annex recorded of ${keys.slice(0, 3).join(', ')} was not set right: ${messageOf(error)}`,
        )
      }
    }
  }
}
