import { join } from 'node:path'
import { isStoreError } from '../../../core/errors.ts'
import { fileSource, type Source } from '../../../core/source.ts'
import { inTemporaryDirectory } from '../../../core/work-directory.ts'
import { type Gathered, gather } from '../../../git/mend/gather.ts'
import { listObjectFiles } from '../../../git/mend/object-files.ts'
import { packMissing, planMend, type RepositoryPlan } from '../../../git/mend/plan.ts'
import { headAfter } from '../../../git/mend/plausible-head.ts'
import { packPath, uploadPack } from '../../../git/objects/pack-files.ts'
import type { RefState } from '../../../git/refs/ref-state.ts'
import { StoredRepository } from '../../../git/repository.ts'
import type { Sharing } from '../../../store/store.ts'
import type { Bench } from '../bench.ts'
import type { GoodCopies } from '../good-copies.ts'
import { holds } from '../holds.ts'
import { mendViews } from '../mend-views.ts'
import { dropRefs, dropUnreadable } from './drop-refs.ts'
import { othersOf, whyNotDropped } from './others.ts'
import { pointHead, writeLostHead } from './point-head.ts'

/** So often somebody may push meanwhile. */
const TRIES = 3

/** What was done to a repository. */
export interface RepositoryMended {
  /** The pack with what was missing. */
  readonly pack: string | undefined
  /** Where what was missing came from, besides the store itself. */
  readonly where: string
  /** Where files that were taken away are kept, by their paths. */
  readonly kept: ReadonlyMap<string, string>
  /** Indices that were made. */
  readonly made: readonly string[]
  /** Refs that were taken away, and the file in which their ids are kept. */
  readonly dropped: ReadonlyMap<string, string>
  /** What HEAD points to, if that was changed. */
  readonly head: string | undefined
  /** Why refs that lead to what is nowhere are there still. */
  readonly notDropped: string | undefined
}

/**
 * Makes the repository of a dataset whole, wherever it lies and whoever wrote it: what refs need
 * and is damaged or gone comes, as a pack that was read back, from what can still be read there or
 * from other repositories. Only when all refs are proven whole without it is what is damaged taken
 * away, into `quarantine/`. Refs that lead to what no source has go there, too, if sources were
 * named that have all of their history. Throws StoreError, and GitError.
 */
export async function mendRepository(
  bench: Bench,
  sources: readonly GoodCopies[],
  sharing: Sharing | undefined,
): Promise<RepositoryMended> {
  const { dataset, call } = bench
  const repository = new StoredRepository(dataset, { gitDir: undefined, shows: false })
  if ((await repository.log.newest(call)).generation === 0) await writeLostHead(bench)
  const kept = new Map<string, string>()
  for (let tries = 1; tries <= TRIES; tries++) {
    const state = await repository.state(call)
    const done = await inTemporaryDirectory((work) =>
      new Mending(bench, repository, { state, work, sharing, kept }).run(sources),
    )
    if (done !== undefined) return done
  }
  throw dataset.error('denied', 'repair', `others pushed ${TRIES} times meanwhile: try again`)
}

interface MendingOptions {
  readonly state: RefState
  readonly work: string
  readonly sharing: Sharing | undefined
  readonly kept: Map<string, string>
}

class Mending {
  readonly #bench: Bench
  readonly #repository: StoredRepository
  readonly #options: MendingOptions
  readonly #state: RefState

  constructor(bench: Bench, repository: StoredRepository, options: MendingOptions) {
    this.#bench = bench
    this.#repository = repository
    this.#options = options
    this.#state = options.state
  }

  /** Undefined when somebody changed it meanwhile. */
  async run(sources: readonly GoodCopies[]): Promise<RepositoryMended | undefined> {
    const { dataset, call } = this.#bench
    const { work, kept } = this.#options
    const gathered = await gather(dataset, this.#state, work, call)
    const others = await othersOf(sources, work, call)
    const plan = await planMend(gathered, this.#state.refs, others.objects, call)
    const notDropped = plan.broken.size === 0 ? undefined : await whyNotDropped(dataset, others, call)
    const doomed = notDropped === undefined ? plan.broken : new Map<string, string>()
    const pack = await this.#bringMissing(plan)
    const made = await this.#putIndices(gathered)
    const to = await this.#keepIds(doomed)
    const head = headAfter(this.#state, doomed)
    // Nothing is taken out of the state either, as long as a ref may need it.
    const lost = notDropped === undefined ? gathered.lost : []
    if (!(await this.#change(lost, pack, doomed, head))) return undefined
    if (this.#state.generation === 0)
      for (const path of await dropUnreadable(this.#bench)) kept.set(path, 'quarantine/')
    if (notDropped === undefined) {
      if (!(await this.#isUnchanged(gathered, doomed))) return undefined
      await this.#setAside(gathered, doomed.size > 0)
    }
    if (this.#state.generation === 0) await this.#show()
    const dropped = new Map([...doomed.keys()].map((name) => [name, to] as const))
    return { pack, where: others.where, kept, made, dropped, head, notDropped }
  }

  /** Gives the name of the pack that holds what refs need and was not whole there. */
  async #bringMissing(plan: RepositoryPlan): Promise<string | undefined> {
    if (plan.missing.length === 0) return undefined
    const { dataset, call } = this.#bench
    const { work } = this.#options
    const pack = (args: readonly string[]) => packMissing(plan, this.#state.refs, work, args, call)
    const name = await uploadPack(dataset, work, [], pack, this.#into)
    if (name === undefined) return undefined
    for (const suffix of ['pack', 'idx'] as const) {
      const source = await fileSource(join(work, `${name}.${suffix}`))
      await this.#requireStored(packPath(dataset.directory, name, suffix), source)
    }
    return name
  }

  async #putIndices({ indices }: Gathered): Promise<readonly string[]> {
    const { dataset, call } = this.#bench
    for (const { path, file, old } of indices) {
      const source = await fileSource(file)
      if (old !== undefined) {
        await this.#bench.putOver(old, this.#bench.quarantineOf(path), await this.#bench.stageFile(source))
        continue
      }
      const ifAbsent = dataset.store.traits.putIfAbsent === 'atomic'
      try {
        await dataset.store.put(path, source, { ...this.#into, ...call, ifAbsent })
      } catch (error) {
        if (!isStoreError(error, 'conflict')) throw error // git has just made it
      }
      await this.#requireStored(path, source)
    }
    return indices.map(({ path }) => path)
  }

  async #requireStored(path: string, source: Source): Promise<void> {
    const { dataset, call } = this.#bench
    if (await holds(dataset.store, path, source, call)) return
    throw dataset.error('corrupt', 'repair', 'it is not what was stored: nothing was taken away', { path })
  }

  /** Before they go. Gives the file. */
  async #keepIds(doomed: ReadonlyMap<string, string>): Promise<string> {
    if (doomed.size === 0) return ''
    const to = this.#bench.quarantineOf('dropped-refs')
    await this.#bench.keepText(to, [...doomed].map(([name, id]) => `${id} ${name}\n`).join(''))
    return to
  }

  /** False when somebody was quicker. */
  async #change(
    lost: readonly string[],
    pack: string | undefined,
    doomed: ReadonlyMap<string, string>,
    head: string | undefined,
  ): Promise<boolean> {
    const state = this.#state
    if (state.generation === 0) {
      if ((await dropRefs(this.#bench, doomed)).size < doomed.size) return false
      if (head !== undefined) await pointHead(this.#bench, head)
      return true
    }
    if (pack === undefined && lost.length === 0 && doomed.size === 0 && head === undefined) return true
    const without = <T>(map: ReadonlyMap<string, T>) => new Map([...map].filter(([name]) => !doomed.has(name)))
    const packs = [...state.packs.filter((name) => !lost.includes(name)), ...(pack === undefined ? [] : [pack])]
    const next: RefState = {
      ...state,
      generation: state.generation + 1,
      head: head ?? state.head,
      refs: without(state.refs),
      peeled: without(state.peeled),
      packs,
      merged: new Map([...state.merged].filter(([name]) => packs.includes(name))),
    }
    return (await this.#repository.replaceWith(this.#bench.call)(state, next)) === undefined
  }

  /** What all refs were proven whole by is there still, and there are no others. */
  async #isUnchanged({ files, damaged }: Gathered, doomed: ReadonlyMap<string, string>): Promise<boolean> {
    const { dataset, call } = this.#bench
    const { refs } = await this.#repository.state(call)
    const before = [...this.#state.refs].filter(([name]) => !doomed.has(name))
    if (refs.size !== before.length || before.some(([name, id]) => refs.get(name) !== id)) return false
    const now = await listObjectFiles(dataset, call)
    const gone = new Set(damaged.map(({ path }) => path))
    const areThere = [...files.packs].every(
      ([name, parts]) => gone.has(parts.get('pack') ?? '') || parts.has('pack') === now.packs.get(name)?.has('pack'),
    )
    return areThere && [...files.loose].every(([id, path]) => gone.has(path) || now.loose.has(id))
  }

  async #setAside({ damaged, files }: Gathered, hasDropped: boolean): Promise<void> {
    const { dataset, call } = this.#bench
    const doomed = [...damaged]
    // What git made out of objects that are not there any more it would believe.
    const hasLost = hasDropped || damaged.some(({ path }) => !path.endsWith('.pack'))
    for (const path of hasLost ? files.derived : []) {
      const stat = await dataset.store.stat(path, call)
      if (stat !== undefined && !doomed.some((each) => each.path === path)) {
        doomed.push({ path, identity: stat.identity })
      }
    }
    for (const file of doomed) {
      const [, name] = /\/objects\/([0-9a-f]{2}\/[0-9a-f]{38})$/.exec(file.path) ?? []
      const to = this.#bench.quarantineOf(name === undefined ? file.path : name.replace('/', ''))
      if (await this.#bench.takeAway(file, to)) this.#options.kept.set(file.path, to)
    }
  }

  /** Whoever reads it over HTTP, where that is done. */
  async #show(): Promise<void> {
    const { dataset, call } = this.#bench
    if ((await dataset.store.stat(dataset.path('info/refs'), call)) !== undefined)
      await mendViews(dataset, this.#options.sharing, call)
  }

  get #into() {
    return { ...this.#bench.call, within: this.#bench.dataset.directory, sharing: this.#options.sharing }
  }
}
