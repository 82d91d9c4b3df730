import { createHash } from 'node:crypto'
import { appendFile, mkdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from '../../core/errors.ts'
import { forEachParallel } from '../../core/parallel.ts'
import { inWorkDirectory } from '../../core/work-directory.ts'
import { aliasDirectory } from '../../ria/layout/alias-file.ts'
import type { StoredDataset } from '../../ria/layout/stored-dataset.ts'
import type { CallOptions } from '../../store/store.ts'
import type { RefState } from '../refs/ref-state.ts'
import { git, isConnected, ownObjects } from './git.ts'
import { packLoose } from './loose-objects.ts'
import { downloadPack, putPack, uploadPack } from './pack-files.ts'
import { readShallow } from './shallow.ts'

/** So many packs are downloaded at once. */
const DOWNLOADS = 4

/** Moves packs between this repository and one on a store. */
export class PackExchange {
  readonly #dataset: StoredDataset
  readonly #gitDir: string | undefined
  /** Lists the packs whose objects this repository got from there, or has put there. */
  readonly #knownFile: string
  readonly #shows: boolean

  /**
   * `directory`: of the dataset. `gitDir`: of this repository. `shows`: git may show its progress.
   */
  constructor(dataset: StoredDataset, gitDir: string | undefined, shows: boolean) {
    this.#dataset = dataset
    this.#gitDir = gitDir
    const place = createHash('sha256')
      .update(`${dataset.store.traits.root}\0${dataset.directory}`)
      .digest('hex')
      .slice(0, 40)
    this.#knownFile = join(gitDir ?? '', 'riastore', 'packs', place)
    this.#shows = shows
  }

  /**
   * Packs what `wanted` objects refer to and the refs of `there` do not, uploads it, and gives the
   * pack's name; undefined when nothing is new. The pack needs no other to be unpacked.
   */
  async upload(wanted: readonly string[], there: RefState, call: CallOptions = {}): Promise<string | undefined> {
    const own = await ownObjects(there.refs.values())
    await requireDepth(wanted, own)
    const input = [...wanted, '--not', ...own].map((line) => `${line}\n`).join('')
    return this.#inWorkDirectory(async (work) => {
      const pack = (args: readonly string[]) =>
        git(
          [
            'pack-objects',
            '--revs',
            '--non-empty',
            '--delta-base-offset',
            this.#progress(),
            ...args,
            join(work, 'pack'),
          ],
          {
            input,
            shows: this.#shows,
          },
        )
      const name = await uploadPack(this.#dataset, work, there.packs, pack, call)
      if (name === undefined) return undefined
      for (const alias of there.aliases) await putPack(this.#dataset.at(aliasDirectory(alias)), work, name, call)
      await this.#remember([name])
      return name
    })
  }

  /**
   * Downloads the packs that this repository does not know yet; all of them when it turns out to
   * lack something of what it should have.
   */
  async download(state: RefState, wanted: readonly string[], call: CallOptions = {}): Promise<void> {
    const known = await this.#known()
    const has = (name: string) => known.has(name) || state.merged.get(name)?.every((part) => known.has(part)) === true
    const [old, unknown] = [state.packs.filter(has), state.packs.filter((name) => !has(name))]
    await this.#downloadAll(unknown, call)
    await this.#downloadLoose(state.loose, call)
    if (!(await isConnected(wanted))) {
      await this.#downloadAll(old, call)
      if (!(await isConnected(wanted))) throw new Error('the packs of the repository lack objects that its refs need')
    }
    const now = state.packs.flatMap((name) => [name, ...(state.merged.get(name) ?? [])])
    await this.#remember(now.filter((name) => !known.has(name)))
  }

  async #downloadAll(packs: readonly string[], call: CallOptions): Promise<void> {
    if (packs.length === 0) return
    await this.#inWorkDirectory(async (work) => {
      await forEachParallel(packs, Math.min(DOWNLOADS, this.#dataset.store.traits.maxInFlight), (name) =>
        downloadPack(this.#dataset, name, join(work, name), call),
      )
      const strict = (await isStrict()) ? ['--strict'] : []
      for (const name of packs) {
        await git(['index-pack', '--stdin', ...strict, ...(this.#shows ? ['-v'] : [])], {
          input: { file: join(work, name) },
          shows: this.#shows,
        })
        await rm(join(work, name))
      }
    })
  }

  /** Those that are lacking, by way of a pack: then git names each by what is in it. */
  async #downloadLoose(ids: readonly string[], call: CallOptions): Promise<void> {
    const own = new Set(await ownObjects(ids))
    const lacking = ids.filter((id) => !own.has(id))
    if (lacking.length === 0) return
    await this.#inWorkDirectory(async (work) => {
      const file = await packLoose(this.#dataset, lacking, work, call)
      if (file === undefined) return
      // Not --strict: what refers to them may be in no pack, and what they refer to is looked at
      // later.
      const checks = (await isStrict()) ? ['--fsck-objects'] : []
      await git(['index-pack', '--stdin', ...checks], { input: { file }, signal: call.signal })
    })
  }

  async #known(): Promise<Set<string>> {
    return new Set((await readFile(this.#knownFile, 'utf8').catch(emptyIfAbsent)).split('\n'))
  }

  async #remember(packs: readonly string[]): Promise<void> {
    if (packs.length === 0) return
    await mkdir(join(this.#knownFile, '..'), { recursive: true })
    await appendFile(this.#knownFile, packs.map((name) => `${name}\n`).join(''))
  }

  #inWorkDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
    if (this.#gitDir === undefined) throw new Error('this is no git repository')
    return inWorkDirectory(join(this.#gitDir, 'riastore'), work)
  }

  #progress(): string {
    return this.#shows ? '--progress' : '-q'
  }
}

/**
 * Whether the user wants every object that is fetched to be looked at (git-config,
 * fetch.fsckObjects).
 */
async function isStrict(): Promise<boolean> {
  for (const name of ['fetch.fsckObjects', 'transfer.fsckObjects']) {
    const { code, stdout } = await git(['config', '--type=bool', '--get', name], { mayEndWith: [1] })
    if (code === 0) return stdout.trim() === 'true'
  }
  return false
}

function emptyIfAbsent(error: unknown): string {
  if (codeOf(error) !== 'ENOENT') throw error
  return ''
}

/**
 * A repository without its whole history may only push onto what the other side has the rest of.
 */
async function requireDepth(wanted: readonly string[], there: readonly string[]): Promise<void> {
  const ends = await readShallow()
  if (ends.size === 0) return
  const input = [...wanted, ...there.map((id) => `^${id}`)].map((line) => `${line}\n`).join('')
  const { stdout } = await git(['rev-list', '--stdin'], { input })
  if (stdout.split('\n').some((id) => ends.has(id))) {
    throw new Error('this repository is shallow, and lacks history that the other side has not: git fetch --unshallow')
  }
}
