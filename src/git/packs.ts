import { createHash } from 'node:crypto'
import { appendFile, mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { codeOf } from '../core/errors.ts'
import { patientFiles, writeFully } from '../core/files.ts'
import { fileSource } from '../core/source.ts'
import { forEachParallel } from '../ria/compaction/parallel.ts'
import type { CallOptions, Store } from '../store/store.ts'
import { git, isConnected, ownObjects } from './git.ts'
import { isPackName } from './ref-state.ts'

/** So many packs are downloaded at once. */
const DOWNLOADS = 4

/** Moves packs between this repository and one on a store. */
export class PackExchange {
  readonly #store: Store
  readonly #directory: string
  readonly #gitDir: string | undefined
  /** Lists the packs whose objects this repository got from there, or has put there. */
  readonly #knownFile: string
  readonly #shows: boolean

  /** `directory`: of the dataset. `gitDir`: of this repository. `shows`: git may show its progress. */
  constructor(store: Store, directory: string, gitDir: string | undefined, shows: boolean) {
    this.#store = store
    this.#directory = directory
    this.#gitDir = gitDir
    const place = createHash('sha256').update(`${store.traits.root}\0${directory}`).digest('hex').slice(0, 40)
    this.#knownFile = join(gitDir ?? '', 'riastore', 'packs', place)
    this.#shows = shows
  }

  /**
   * Packs what `wanted` objects refer to and `there` do not, uploads it, and gives the pack's name; undefined when nothing is new. The pack needs no
   * other to be unpacked.
   */
  async upload(
    wanted: readonly string[],
    there: Iterable<string>,
    call: CallOptions = {},
  ): Promise<string | undefined> {
    const own = await ownObjects(there)
    await requireDepth(wanted, own)
    const input = [...wanted, '--not', ...own].map((line) => `${line}\n`).join('')
    return this.#inWorkDirectory(async (work) => {
      const args = [
        'pack-objects',
        '--revs',
        '--non-empty',
        '--delta-base-offset',
        this.#progress(),
        join(work, 'pack'),
      ]
      const { stdout } = await git(args, { input, shows: this.#shows })
      const name = `pack-${stdout.trim()}`
      if (stdout.trim() === '') return undefined
      if (!isPackName(name)) throw new Error(`git pack-objects named its pack ${stdout.trim()}`)
      // The index is for those who read over HTTP or copy the repository.
      for (const suffix of ['idx', 'pack']) {
        const source = await fileSource(join(work, `${name}.${suffix}`))
        await this.#store.put(this.#path(name, suffix), source, call)
      }
      await this.#remember([name])
      return name
    })
  }

  /** Downloads the packs that this repository does not know yet; all of them when it turns out to lack something of what it should have. */
  async download(packs: readonly string[], wanted: readonly string[], call: CallOptions = {}): Promise<void> {
    const known = await this.#known()
    const unknown = packs.filter((name) => !known.has(name))
    await this.#downloadAll(unknown, call)
    if (await isConnected(wanted)) return
    await this.#downloadAll(
      packs.filter((name) => known.has(name)),
      call,
    )
    if (!(await isConnected(wanted))) throw new Error('the packs of the repository lack objects that its refs need')
  }

  async #downloadAll(packs: readonly string[], call: CallOptions): Promise<void> {
    if (packs.length === 0) return
    await this.#inWorkDirectory(async (work) => {
      await forEachParallel(packs, DOWNLOADS, (name) => this.#fetch(name, join(work, name), call))
      for (const name of packs) {
        await git(['index-pack', '--stdin', ...(this.#shows ? ['-v'] : [])], {
          input: { file: join(work, name) },
          shows: this.#shows,
        })
        await rm(join(work, name))
      }
      await this.#remember(packs)
    })
  }

  async #fetch(name: string, file: string, call: CallOptions): Promise<void> {
    const handle = await open(file, 'w')
    try {
      let position = 0
      const range = () => (position === 0 ? undefined : { start: position })
      let identity: string | undefined
      await this.#store.get(
        this.#path(name, 'pack'),
        async (bytes, stat) => {
          if (identity !== undefined && identity !== stat.identity) throw new Error(`${name} changed while it was read`)
          identity = stat.identity
          for await (const chunk of bytes) {
            await writeFully(patientFiles, handle.fd, chunk, position)
            position += chunk.length
          }
        },
        { ...call, range },
      )
    } finally {
      await handle.close()
    }
  }

  async #known(): Promise<Set<string>> {
    return new Set((await readFile(this.#knownFile, 'utf8').catch(emptyIfAbsent)).split('\n'))
  }

  async #remember(packs: readonly string[]): Promise<void> {
    await mkdir(join(this.#knownFile, '..'), { recursive: true })
    await appendFile(this.#knownFile, packs.map((name) => `${name}\n`).join(''))
  }

  async #inWorkDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
    if (this.#gitDir === undefined) throw new Error('this is no git repository')
    const parent = join(this.#gitDir, 'riastore')
    await mkdir(parent, { recursive: true })
    const directory = await mkdtemp(join(parent, 'tmp-'))
    try {
      return await work(directory)
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  }

  #path(name: string, suffix: string): string {
    return `${this.#directory}/objects/pack/${name}.${suffix}`
  }

  #progress(): string {
    return this.#shows ? '--progress' : '-q'
  }
}

function emptyIfAbsent(error: unknown): string {
  if (codeOf(error) !== 'ENOENT') throw error
  return ''
}

/** A repository without its whole history may only push onto what the other side has the rest of. */
async function requireDepth(wanted: readonly string[], there: readonly string[]): Promise<void> {
  const file = (await git(['rev-parse', '--git-path', 'shallow'])).stdout.trim()
  const ends = new Set((await readFile(file, 'utf8').catch(emptyIfAbsent)).split('\n').filter(Boolean))
  if (ends.size === 0) return
  const input = [...wanted, '--not', ...there].map((line) => `${line}\n`).join('')
  const { stdout } = await git(['rev-list', '--stdin'], { input })
  if (stdout.split('\n').some((id) => ends.has(id))) {
    throw new Error('this repository is shallow, and lacks history that the other side has not: git fetch --unshallow')
  }
}
