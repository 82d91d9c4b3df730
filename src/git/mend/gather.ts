import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isStoreError } from '../../core/errors.ts'
import { forEachParallel } from '../../core/parallel.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import { GitError, git } from '../objects/git.ts'
import { hasTrailer } from '../objects/has-trailer.ts'
import { isWholeLoose, loosePlace } from '../objects/is-whole-loose.ts'
import { download } from '../objects/pack-files.ts'
import { newRepository } from '../objects/scratch-repository.ts'
import type { RefState } from '../refs/ref-state.ts'
import { listObjectFiles, type ObjectFiles } from './object-files.ts'

/** A file that is to be taken away, as it has to be then. */
export interface Damaged {
  readonly path: string
  readonly identity: string
}

/** What is whole of a repository, and what is not. */
export interface Gathered {
  /** A repository of ours with what is whole, of that by which clients find objects there. */
  readonly good: string
  /** With all else that could be read: what is left of torn packs, and what no state names. */
  readonly all: string
  readonly damaged: readonly Damaged[]
  /**
   * Indices that were made for packs that are whole: where they belong, and the damaged one that is
   * there.
   */
  readonly indices: readonly { readonly path: string; readonly file: string; readonly old: Damaged | undefined }[]
  /** Packs that are named by the state, and are of no use. */
  readonly lost: readonly string[]
  readonly files: ObjectFiles
}

/** So many files are read at once. */
const AT_ONCE = 8

/**
 * Downloads a repository into two of ours, in `work`, and has git look at each object of it. What
 * looks damaged is read twice, for it may have been the way. Throws StoreError, and GitError when
 * git cannot do its part.
 */
export async function gather(
  dataset: StoredDataset,
  state: Pick<RefState, 'generation' | 'packs'>,
  work: string,
  call: CallOptions,
): Promise<Gathered> {
  const files = await listObjectFiles(dataset, call)
  if (files.borrows) {
    throw dataset.error('unsupported', 'repair', 'it takes objects from another repository (objects/info/alternates)')
  }
  const good = await newRepository(work, 'good.git', call.signal)
  const all = await newRepository(work, 'all.git', call.signal)
  await borrow(all, [good])
  return new Gathering(dataset, state, work, files, { good, all }, call).run()
}

/** Has a repository of ours find objects in others, too. */
export async function borrow(gitDir: string, from: readonly string[]): Promise<void> {
  const lines = from.map((directory) => `${join(directory, 'objects')}\n`).join('')
  await mkdir(join(gitDir, 'objects/info'), { recursive: true })
  await writeFile(join(gitDir, 'objects/info/alternates'), lines, { flag: 'a' })
}

class Gathering {
  readonly #dataset: StoredDataset
  readonly #state: Pick<RefState, 'generation' | 'packs'>
  readonly #work: string
  readonly #files: ObjectFiles
  readonly #repositories: { readonly good: string; readonly all: string }
  readonly #call: CallOptions
  readonly #damaged: Damaged[] = []
  readonly #indices: Gathered['indices'][number][] = []
  readonly #lost: string[] = []

  constructor(
    dataset: StoredDataset,
    state: Pick<RefState, 'generation' | 'packs'>,
    work: string,
    files: ObjectFiles,
    repositories: { readonly good: string; readonly all: string },
    call: CallOptions,
  ) {
    this.#dataset = dataset
    this.#state = state
    this.#work = work
    this.#files = files
    this.#repositories = repositories
    this.#call = call
  }

  async run(): Promise<Gathered> {
    const { packs, loose } = this.#files
    const atOnce = Math.min(AT_ONCE, this.#dataset.store.traits.maxInFlight)
    // Torn packs last: what is left of them may be made out of what is in others.
    const torn: string[] = []
    await forEachParallel(packs, Math.min(4, atOnce), async ([name, parts]) => {
      if (!(await this.#addPack(name, parts))) torn.push(name)
    })
    await forEachParallel(loose, atOnce, ([id, path]) => this.#addLoose(id, path))
    for (const name of torn) await this.#salvage(name)
    for (const path of this.#files.derived) {
      if (!path.endsWith('-chain') && !(await this.#isWhole(path))) await this.#addDamaged(path)
    }
    for (const name of this.#state.packs) {
      if (this.#state.generation > 0 && !packs.get(name)?.has('pack')) this.#lost.push(name)
    }
    return {
      ...this.#repositories,
      damaged: this.#damaged,
      indices: this.#indices,
      lost: this.#lost,
      files: this.#files,
    }
  }

  /**
   * Where clients find what a pack holds: where we keep the refs, they read what the state names.
   */
  #repositoryOf(name: string): string {
    const isNamed = this.#state.generation === 0 || this.#state.packs.includes(name)
    return isNamed ? this.#repositories.good : this.#repositories.all
  }

  /** False when it is torn. */
  async #addPack(name: string, parts: ReadonlyMap<string, string>): Promise<boolean> {
    const path = parts.get('pack')
    if (path === undefined) return true // an index alone: nobody finds anything by it
    const gitDir = this.#repositoryOf(name)
    const file = join(this.#work, `${name}.download`)
    let made: string | undefined
    for (let tries = 1; made === undefined; tries++) {
      await download(this.#dataset.store, path, file, this.#call)
      try {
        const { stdout } = await git(['index-pack', '--stdin'], { input: { file }, gitDir, ...this.#call })
        made = stdout.trim().split(/\s/).at(-1)
      } catch (error) {
        if (!(error instanceof GitError)) throw error
        if (!(await this.#isWhole(path))) return false
        if (tries === 2) throw error
      }
    }
    await rm(file)
    await this.#lookAtParts(parts, join(gitDir, `objects/pack/pack-${made}.idx`))
    return true
  }

  /** The index, and what else git made of a pack that is whole. */
  async #lookAtParts(parts: ReadonlyMap<string, string>, made: string): Promise<void> {
    for (const [suffix, path] of parts) {
      if (!['idx', 'rev', 'bitmap'].includes(suffix) || (await this.#isWhole(path))) continue
      if (suffix !== 'idx') await this.#addDamaged(path)
      else this.#indices.push({ path, file: made, old: await this.#see(path) })
    }
    const path = parts.get('pack')?.replace(/pack$/, 'idx') ?? ''
    if (!parts.has('idx')) this.#indices.push({ path, file: made, old: undefined })
  }

  async #addLoose(id: string, path: string): Promise<void> {
    const gitDir = this.#state.generation === 0 ? this.#repositories.good : this.#repositories.all
    const file = join(gitDir, loosePlace(id))
    for (const again of [false, true]) {
      const before = await this.#see(path)
      if (before === undefined) return // git packed it since
      if (await isWholeLoose(this.#dataset.store, path, id, this.#call)) {
        await mkdir(dirname(file), { recursive: true })
        await download(this.#dataset.store, path, file, this.#call)
        return
      }
      if (again) this.#damaged.push(before)
    }
  }

  /** What can be read of a torn pack: each object has the id of its content. */
  async #salvage(name: string): Promise<void> {
    const file = join(this.#work, `${name}.download`)
    const ends = Array.from({ length: 255 }, (_, i) => i + 1)
    await git(['unpack-objects', '-r', '-q'], {
      input: { file },
      gitDir: this.#repositories.all,
      mayEndWith: ends,
      ...this.#call,
    }).catch((error: unknown) => {
      if (!(error instanceof GitError)) throw error
    })
    await rm(file)
    if (this.#state.generation > 0 && this.#state.packs.includes(name)) this.#lost.push(name)
    const parts = this.#files.packs.get(name) ?? new Map<string, string>()
    // The index first: without it nobody takes the rest for a pack.
    const rest = [...parts].filter(([suffix]) => suffix !== 'idx').map(([, path]) => path)
    for (const path of [...(parts.get('idx') ? [parts.get('idx') ?? ''] : []), ...rest]) await this.#addDamaged(path)
  }

  async #addDamaged(path: string): Promise<void> {
    const seen = await this.#see(path)
    if (seen !== undefined) this.#damaged.push(seen)
  }

  async #see(path: string): Promise<Damaged | undefined> {
    const stat = await this.#dataset.store.stat(path, this.#call)
    return stat && { path, identity: stat.identity }
  }

  async #isWhole(path: string): Promise<boolean> {
    try {
      return await hasTrailer(this.#dataset.store, path, this.#call)
    } catch (error) {
      if (!isStoreError(error, 'missing')) throw error
      return true // git took it away meanwhile
    }
  }
}
