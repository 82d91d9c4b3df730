import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ConfigError } from '../core/errors.ts'
import { GitConfig, parseListing } from '../core/git-config.ts'
import { decode } from '../core/text.ts'
import { type ProgramOptions, type ProgramResult, runProgram } from './program.ts'
import { subdatasetPaths } from './subdataset-paths.ts'

/** What every call here takes. */
export interface DatasetCall {
  readonly signal?: AbortSignal | undefined
}

/**
 * Not ended by a signal: git, killed at the wrong moment, leaves its lock file, and nobody can
 * change the configuration after that.
 */
const TO_ITS_END = { signal: undefined }

/**
 * The work tree of a dataset: a git repository, that mostly has a git-annex and an id that DataLad
 * gave it.
 */
export class Dataset {
  /** The top of its work tree, absolute. */
  readonly path: string
  /** Its git directory, absolute. */
  readonly gitDir: string
  /**
   * The id of `datalad create`, from .datalad/config; undefined in a repository that DataLad did
   * not make.
   */
  readonly id: string | undefined
  readonly #call: DatasetCall
  #config: Promise<GitConfig> | undefined

  private constructor(path: string, gitDir: string, id: string | undefined, call: DatasetCall) {
    this.path = path
    this.gitDir = gitDir
    this.id = id
    this.#call = call
  }

  /**
   * The dataset that a directory belongs to. The signal of `call` ends what runs in it, ever after.
   * Throws ConfigError when there is no repository, or one without a work tree.
   */
  static async open(path: string, call: DatasetCall = {}): Promise<Dataset> {
    const directory = resolve(path)
    if (!existsSync(directory)) throw new ConfigError(`${directory}: there is no such directory`)
    const options = { ...call, cwd: directory, mayEndWith: [128] }
    const args = ['git', 'rev-parse', '--path-format=absolute', '--show-toplevel', '--git-dir']
    const { code, stdout, stderr } = await runProgram('git rev-parse', args, options)
    if (code !== 0) throw new ConfigError(`${directory}: ${whyNoRepository(stderr)}`)
    const [top = '', gitDir = ''] = decode(stdout).split('\n')
    return new Dataset(top, gitDir, await readId(top, gitDir, call), call)
  }

  /** The same dataset, its programs ended by another signal, or by none. */
  with(call: DatasetCall): Dataset {
    return new Dataset(this.path, this.gitDir, this.id, call)
  }

  /** Runs git in it: `git(['status'])`. Throws ProgramError. */
  git(args: readonly string[], options: Omit<ProgramOptions, 'cwd'> = {}): Promise<ProgramResult> {
    const words = args.filter((arg) => !arg.startsWith('-'))
    return this.run(`git ${words[0] ?? ''}`, ['git', ...args], options)
  }

  /** Runs git-annex in it: `annex(['info'])`. Throws ProgramError. */
  annex(args: readonly string[], options: Omit<ProgramOptions, 'cwd'> = {}): Promise<ProgramResult> {
    return this.run(`git annex ${args[0] ?? ''}`, ['git', 'annex', ...args], options)
  }

  /**
   * Runs any program in it; `title` names it in errors. What was read of git's configuration before
   * is read anew after.
   */
  async run(
    title: string,
    command: readonly string[],
    options: Omit<ProgramOptions, 'cwd'> = {},
  ): Promise<ProgramResult> {
    try {
      return await runProgram(title, command, { ...this.#call, ...options, cwd: this.path })
    } finally {
      this.#config = undefined
    }
  }

  /** All that git knows in it: of the system, the user, the repository and the environment. */
  config(): Promise<GitConfig> {
    this.#config ??= this.#readConfig(['config', '--list', '-z'])
    return this.#config
  }

  /**
   * What is committed, or will be, for everybody who has the dataset: .datalad/config. Empty where
   * there is none.
   */
  committedConfig(): Promise<GitConfig> {
    const file = join(this.path, '.datalad', 'config')
    if (!existsSync(file)) return Promise.resolve(new GitConfig([]))
    return this.#readConfig(['config', '--file', file, '--no-includes', '--list', '-z'])
  }

  /** A value of git's configuration, of whatever scope; the last counts. */
  async get(key: string): Promise<string | undefined> {
    return (await this.config()).get(normalizedKey(key))
  }

  async getAll(key: string): Promise<readonly string[]> {
    return (await this.config()).all(normalizedKey(key))
  }

  /** Those values that are set in the repository's own configuration. */
  async getLocal(key: string): Promise<readonly string[]> {
    const { stdout } = await this.git(['config', '--local', '-z', '--get-all', key], { mayEndWith: [1] })
    return decode(stdout).split('\0').slice(0, -1)
  }

  /** Sets a value in the repository's own configuration, in place of those that are there. */
  async set(key: string, value: string): Promise<void> {
    await this.git(['config', '--local', '--replace-all', key, value], TO_ITS_END)
  }

  /** Adds a value to those that are there. */
  async add(key: string, value: string): Promise<void> {
    await this.git(['config', '--local', '--add', key, value], TO_ITS_END)
  }

  /**
   * Removes all values of a key from the repository's own configuration, or those that are `value`.
   * None is no error.
   */
  async unset(key: string, value?: string): Promise<void> {
    const pattern = value === undefined ? [] : [`^${value.replace(/[^A-Za-z0-9_ /-]/g, (c) => `\\${c}`)}$`]
    await this.git(['config', '--local', '--unset-all', key, ...pattern], { ...TO_ITS_END, mayEndWith: [5] })
  }

  /**
   * All of a section (`remote.origin`) in the repository's own configuration: keys and values, in
   * order.
   */
  async localSection(section: string): Promise<readonly (readonly [string, string])[]> {
    const { stdout } = await this.git(['config', '--local', '--list', '-z'])
    const prefix = normalizedKey(`${section}.`)
    return parseListing(stdout)
      .filter(({ key }) => key.startsWith(prefix) && !key.slice(prefix.length).includes('.'))
      .map(({ key, value }) => [key, value])
  }

  /** Makes a section in the repository's own configuration what `localSection` gave before. */
  async replaceSection(section: string, entries: readonly (readonly [string, string])[]): Promise<void> {
    await this.git(['config', '--local', '--remove-section', section], { ...TO_ITS_END, mayEndWith: [1, 128] })
    for (const [key, value] of entries) await this.add(key, value)
  }

  /** Names of its git remotes, special remotes among them. */
  async remotes(): Promise<readonly string[]> {
    const names = new Set<string>()
    for (const key of (await this.config()).keys()) {
      const [, name] = /^remote\.(.+)\.[^.]+$/s.exec(key) ?? []
      if (name !== undefined) names.add(name)
    }
    return [...names]
  }

  /** The uuid of its git-annex, undefined where it has none. */
  annexUuid(): Promise<string | undefined> {
    return this.get('annex.uuid').then((uuid) => uuid || undefined)
  }

  /** The same. Throws ConfigError where it has none. */
  async requireAnnexUuid(): Promise<string> {
    const uuid = await this.annexUuid()
    if (uuid === undefined) throw new ConfigError(`${this.path} has no git-annex: run git annex init there`)
    return uuid
  }

  /** Whether something is committed in it. */
  async hasCommit(): Promise<boolean> {
    const { code } = await this.git(['rev-parse', '--verify', '--quiet', 'HEAD'], { mayEndWith: [1, 128] })
    return code === 0
  }

  /**
   * The subdatasets directly below that are there (installed). `skip` is told each that leads out
   * of the dataset.
   */
  async subdatasets(skip: (line: string) => void = () => {}): Promise<Dataset[]> {
    const { paths, outside } = await subdatasetPaths(this.path, this.#call)
    for (const path of outside) skip(`${this.path}: skipped the subdataset ${path}: it leads out of the dataset`)
    const found: Dataset[] = []
    for (const path of paths) {
      const subdataset = await Dataset.open(path, this.#call)
      if (subdataset.path === path) found.push(subdataset)
    }
    return found
  }

  /** It, and all below it that is there; a dataset comes before those in it. */
  async *withSubdatasets(skip?: (line: string) => void): AsyncGenerator<Dataset> {
    yield this
    for (const subdataset of await this.subdatasets(skip)) yield* subdataset.withSubdatasets(skip)
  }

  async #readConfig(args: readonly string[]): Promise<GitConfig> {
    const { stdout } = await runProgram('git config', ['git', ...args], { ...this.#call, cwd: this.path })
    return GitConfig.parse(stdout)
  }
}

/** As git prints keys: section and name in lower case, what is between them as it is. */
export function normalizedKey(key: string): string {
  const first = key.indexOf('.')
  const last = key.lastIndexOf('.')
  return key.slice(0, first).toLowerCase() + key.slice(first, last) + key.slice(last).toLowerCase()
}

function whyNoRepository(stderr: string): string {
  if (/must be run in a work tree/.test(stderr)) return 'this repository has no work tree: go to a clone of it'
  if (/dubious ownership/.test(stderr)) {
    return 'the repository belongs to somebody else, so git does not use it (safe.directory, git-config(1))'
  }
  return 'this is no git repository, nor is it in one'
}

/**
 * From the work tree, as DataLad does, else from what is staged or committed (a sparse checkout).
 */
async function readId(path: string, gitDir: string, call: DatasetCall): Promise<string | undefined> {
  const file = join(path, '.datalad', 'config')
  const sources = [
    ...(existsSync(file) ? [['--file', file]] : []),
    ['--blob', ':.datalad/config'],
    ['--blob', 'HEAD:.datalad/config'],
  ]
  for (const source of sources) {
    const args = ['git', `--git-dir=${gitDir}`, 'config', ...source, '--no-includes', '--get', 'datalad.dataset.id']
    const { stdout } = await runProgram('git config', args, { ...call, cwd: path, mayEndWith: [1, 128] })
    const id = decode(stdout).trim()
    if (id !== '') return id
  }
  return undefined
}
