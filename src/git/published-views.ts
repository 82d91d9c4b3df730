import { isStoreError } from '../core/errors.ts'
import { aliasDirectory } from '../ria/layout/alias-file.ts'
import type { StoredDataset } from '../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../store/store.ts'
import { removeAliasViews, writeAliasViews } from './alias-views.ts'
import type { RefLog } from './refs/ref-log.ts'
import { isRefName, type RefState } from './refs/ref-state.ts'
import type { Memory } from './refs/remembered.ts'
import { whyLost } from './refs/require-put-if-absent.ts'
import { areViewsTrue, hasFixed, readText, removeLooseRefs, writeFixed, writeViews } from './refs/views.ts'

/**
 * The files by which those see a repository who know nothing of its ref log: git over dumb HTTP,
 * whoever copies it. They are written from the newest state, after it was made.
 */
export class PublishedViews {
  readonly #dataset: StoredDataset
  readonly #log: RefLog
  readonly #memory: Memory

  constructor(dataset: StoredDataset, log: RefLog, memory: Memory) {
    this.#dataset = dataset
    this.#log = log
    this.#memory = memory
  }

  /** Writes the files for a state that was just made. `isHeadRight`: HEAD needs no look. */
  async publish(made: RefState, options: { readonly isHeadRight: boolean }, call: CallOptions): Promise<void> {
    if (made.generation === 1) await this.#writeFirst(call)
    await this.#write(made, options, call)
    await this.#rememberShown()
  }

  /**
   * Sees to it that others see this state, the newest, or a newer one: whoever made it may have
   * been killed before it was written for them. `newest` tells the state
   * when it is written. Returns whether anything had to be.
   */
  async mend(
    state: RefState,
    newest: () => Promise<RefState>,
    options: CallOptions & { readonly again?: boolean },
  ): Promise<boolean> {
    const { again = false, ...call } = options
    const { seen, shown } = await this.#memory.load()
    if (state.generation === 0 || (!again && shown !== undefined && shown === seen?.identity)) return false
    if (await this.areGits(state, call)) return false
    const places = [this.#dataset.directory, ...state.aliases.map(aliasDirectory)]
    const [fixed, ...views] = await Promise.all([
      hasFixed(this.#dataset, call),
      ...places.map((place) => areViewsTrue(this.#dataset.at(place), state, call)),
    ])
    const areTrue = fixed && views.every(Boolean)
    if (!fixed) await this.#writeFirst(call)
    if (!areTrue) await this.#write(await newest(), {}, call)
    await this.#rememberShown()
    return !areTrue
  }

  /**
   * Writes the views of a state, and of any newer one that is there by then: whoever pushed last
   * also looks last.
   */
  async #write(committed: RefState, options: { readonly isHeadRight?: boolean }, call: CallOptions): Promise<void> {
    let before: RefState | undefined
    for (let state: RefState | undefined = committed; state !== undefined; ) {
      await writeViews(this.#dataset, state, before === undefined ? options : {}, call)
      for (const name of state.aliases) await writeAliasViews(this.#dataset, name, state, call)
      for (const name of before?.aliases ?? []) {
        if (!state.aliases.includes(name)) await removeAliasViews(this.#dataset, name, call)
      }
      before = state
      state = await this.#log.newerThan(state, call)
    }
    await this.#log.requireKept(call).catch(async (error: unknown) => {
      if (!isStoreError(error, 'corrupt')) throw error
      throw await whyLost(this.#dataset, this.#memory, error, call)
    })
  }

  /** What is there from the first push on. Refs that git wrote are in our log from then on. */
  async #writeFirst(call: CallOptions): Promise<void> {
    if (!this.#dataset.store.traits.exec) await removeLooseRefs(this.#dataset, call)
    await writeFixed(this.#dataset, call)
  }

  async #rememberShown(): Promise<void> {
    const { seen } = await this.#memory.load()
    if (seen !== undefined) await this.#memory.save({ shown: seen.identity })
  }

  /**
   * Whether git itself keeps this repository. Where no program can be run it is a copy, which git
   * cannot reach.
   */
  async areGits({ generation, refs }: RefState, call: CallOptions): Promise<boolean> {
    if (!this.#dataset.store.traits.exec) return false
    if (generation === 0) return refs.size > 0
    // We write no loose refs, and no first line that tells how they were packed.
    for await (const { path } of this.#dataset.store.list(this.#dataset.path('refs'), call)) {
      if (isRefName(path.slice(this.#dataset.directory.length + 1))) return true
    }
    return (await readText(this.#dataset.store, this.#dataset.path('packed-refs'), call))?.startsWith('#') === true
  }
}
