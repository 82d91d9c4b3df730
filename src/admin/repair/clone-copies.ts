import { dirname, resolve } from 'node:path'
import { ConfigError, messageOf } from '../../core/errors.ts'
import { runProcess } from '../../core/process/process.ts'
import { type Finished, run } from '../../core/process/run.ts'
import { fileSource, type Source } from '../../core/source.ts'
import { decode, encode } from '../../core/text.ts'
import { ANNEX_BRANCH } from '../../git/annex-records.ts'
import { BranchFiles } from '../../git/branch-files.ts'
import type { OtherObjects } from '../../git/mend/plan.ts'
import type { CallOptions } from '../../store/store.ts'
import type { Records } from './archive/recorded-keys.ts'
import { ContentLocations } from './content-locations.ts'
import type { GoodCopies } from './good-copies.ts'

/** To look a key up, or to write down where it is. ms. */
const LIMIT_MS = 600_000

/**
 * A git-annex that fetches is ended when it told of no progress, and computed nothing, for so long.
 * ms.
 */
const STALL_MS = 600_000

/**
 * A repository of git-annex on this machine. With `remote`, what it has not is fetched from there
 * by git-annex, and stays in it.
 */
export class CloneCopies implements GoodCopies {
  readonly where: string
  readonly #top: string
  readonly #remote: string | undefined
  readonly #locations: ContentLocations

  private constructor(top: string, remote: string | undefined) {
    this.#top = top
    this.#remote = remote
    this.#locations = new ContentLocations(top, LIMIT_MS)
    this.where = remote === undefined ? top : `${remote} of ${top}`
  }

  /** Throws ConfigError for a directory that is no repository of git-annex. */
  static async open(directory: string, remote?: string): Promise<CloneCopies> {
    const asked = ['-C', directory, 'config', 'annex.uuid']
    const { code } = await run('git', asked)
    if (code !== 0) throw new ConfigError(`${directory} is no repository of git-annex`)
    const { code: bare, stdout } = await run('git', ['-C', directory, 'rev-parse', '--show-toplevel'])
    const top = bare === 0 ? decode(stdout).replace(/\n$/, '') : resolve(directory)
    return new CloneCopies(top, remote)
  }

  async find(key: string, call: CallOptions): Promise<Source | undefined> {
    const { signal } = call
    const file = await this.#objectOf(key, call)
    if (file !== undefined) return fileSource(file)
    if (this.#remote === undefined) return undefined
    const get = ['git', 'annex', 'get', '--json-progress', `--key=${key}`, `--from=${this.#remote}`]
    const maxOutput = { bytes: 0, more: 'is dropped' } as const
    await runProcess(get, { cwd: this.#top, signal, stallMs: STALL_MS, countsComputing: true, maxOutput })
    signal?.throwIfAborted()
    const fetched = await this.#objectOf(key, call)
    return fetched === undefined ? undefined : fileSource(fetched)
  }

  /** Of the clone itself: nothing is fetched from its remotes. */
  async objects(): Promise<OtherObjects> {
    const ask = async (...args: string[]) => {
      const { code, stdout } = await run('git', ['-C', this.#top, ...args], { limitMs: LIMIT_MS })
      return code === 0 ? decode(stdout).replace(/\n$/, '') : undefined
    }
    const objects = await ask('rev-parse', '--git-path', 'objects')
    if (objects === undefined) throw new ConfigError(`${this.#top} is no git repository any more`)
    const isShallow = (await ask('rev-parse', '--is-shallow-repository')) !== 'false'
    const promised = await ask('config', '--get-regexp', '^(extensions\\.partialclone|remote\\..*\\.promisor)$')
    return { gitDir: dirname(resolve(this.#top, objects)), isPartial: isShallow || promised !== undefined }
  }

  async #objectOf(key: string, call: CallOptions): Promise<string | undefined> {
    const found = await this.#locations.find(key, call)
    if (typeof found !== 'object') return found
    const { code, stdout } = await this.#annex(['contentlocation', key])
    return code === 0 ? resolve(this.#top, decode(stdout).replace(/\n$/, '')) : undefined
  }

  /** Of the branch that git-annex has merged all others into. */
  async records(call: CallOptions): Promise<Records | undefined> {
    const asked = [
      '-C',
      this.#top,
      'rev-parse',
      '--absolute-git-dir',
      '--verify',
      '--quiet',
      `${ANNEX_BRANCH}^{commit}`,
    ]
    const { code, stdout } = await run('git', asked)
    const [gitDir, commit] = decode(stdout).split('\n')
    if (code !== 0 || gitDir === undefined || commit === undefined) return undefined
    const files = new BranchFiles(gitDir, commit, call)
    const logs = () => files.inDirectories((path) => path.endsWith('.log'))
    return { read: (path) => files.read(path), logs }
  }

  /**
   * The uuids by which git-annex knows a dataset of a store here: that which the store names, else
   * the only one for the dataset's id.
   */
  async remotesOf(id: string, named: string | undefined): Promise<readonly string[]> {
    const { stdout } = await run('git', ['-C', this.#top, 'cat-file', 'blob', 'git-annex:remote.log'])
    const known = decode(stdout)
      .split('\n')
      .filter((line) => line.split(' ').includes(`archive-id=${id}`))
      .map((line) => line.slice(0, line.indexOf(' ')))
    const uuids = [...new Set(known)]
    if (named !== undefined && uuids.includes(named)) return [named]
    return uuids.length === 1 ? uuids : []
  }

  /** Has git-annex write down whether a remote has keys. Throws Error with what it said. */
  async record(keys: readonly string[], uuid: string, areThere: boolean): Promise<void> {
    const status = areThere ? '1' : '0'
    const [alone, together] = [keys.filter((key) => /\s/.test(key)), keys.filter((key) => !/\s/.test(key))]
    for (const key of alone) await this.#record(['setpresentkey', key, uuid, status])
    const lines = together.map((key) => `${key} ${uuid} ${status}\n`).join('')
    if (together.length > 0) await this.#record(['setpresentkey', '--batch'], encode(lines))
  }

  async #record(args: readonly string[], input?: Uint8Array): Promise<void> {
    const { code, stderr } = await this.#annex(args, input)
    if (code !== 0) throw new Error(`git annex setpresentkey in ${this.#top}: ${stderr.trim().split('\n').at(-1)}`)
  }

  close(): Promise<void> {
    return this.#locations.close()
  }

  async #annex(args: readonly string[], input?: Uint8Array): Promise<Finished> {
    try {
      return await run('git', ['annex', ...args], { cwd: this.#top, limitMs: LIMIT_MS, ...(input && { input }) })
    } catch (error) {
      throw new ConfigError(`git annex ${args[0]} in ${this.#top}: ${messageOf(error)}`)
    }
  }
}
