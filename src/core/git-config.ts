import { realpathSync } from 'node:fs'
import { StoreError } from './errors.ts'
import { run } from './process/run.ts'
import { decode } from './text.ts'

/** A git configuration: values by key, in the order in which git found them. */
export class GitConfig {
  readonly #values = new Map<string, string[]>()

  /**
   * The files that it was read from, relative to the current directory or absolute; empty where
   * that was not asked.
   */
  readonly origins: ReadonlySet<string>

  constructor(entries: Iterable<readonly [string, string]>, origins: ReadonlySet<string> = new Set()) {
    this.origins = origins
    for (const [key, value] of entries) this.#values.set(key, [...(this.#values.get(key) ?? []), value])
  }

  /**
   * Reads what `git config --list -z` printed, or another call of it with `-z` that prints keys.
   */
  static parse(listing: Uint8Array): GitConfig {
    return new GitConfig(parseListing(listing).map(({ key, value }) => [key, value]))
  }

  /** The value that counts: the last. Keys as git prints them: section and name in lower case. */
  get(key: string): string | undefined {
    return this.#values.get(key)?.at(-1)
  }

  all(key: string): readonly string[] {
    return this.#values.get(key) ?? []
  }

  keys(): Iterable<string> {
    return this.#values.keys()
  }
}

export interface ListedEntry {
  readonly key: string
  readonly value: string
  /** The scope, or the origin, of the entry, where git was asked for one of them; else empty. */
  readonly shown: string
}

/**
 * Reads what `git config --list -z` printed, in its order: `key\nvalue\0…`, where a key alone is
 * `true` (git-config, VALUES). `shows`: with --show-scope or --show-origin, a field before each.
 */
export function parseListing(
  listing: Uint8Array,
  { shows = false }: { readonly shows?: boolean } = {},
): readonly ListedEntry[] {
  const fields = decode(listing).split('\0').slice(0, -1)
  const step = shows ? 2 : 1
  const entries: ListedEntry[] = []
  for (let at = step - 1; at < fields.length; at += step) {
    const entry = fields[at] ?? ''
    const line = entry.indexOf('\n')
    entries.push({
      key: line < 0 ? entry : entry.slice(0, line),
      value: line < 0 ? 'true' : entry.slice(line + 1),
      shown: shows ? (fields[at - 1] ?? '') : '',
    })
  }
  return entries
}

/**
 * Reads all that git knows in a repository: system, user, repository, environment. Throws
 * StoreError `unsupported` when git fails.
 */
export function readGitConfig(gitDir: string): Promise<GitConfig> {
  return readConfig([`--git-dir=${gitDir}`, 'config', '--list', '-z'], gitDir)
}

/**
 * All that git knows where we are: system, user, environment, and the repository if we are in one.
 * Empty where there is no git to ask.
 */
export async function readUserGitConfig(): Promise<GitConfig> {
  try {
    const { stdout } = await run('git', ['config', '--list', '-z'])
    return GitConfig.parse(stdout)
  } catch {
    return new GitConfig([])
  }
}

/**
 * The same, begun before git-annex tells where the repository is: it starts us inside. `of` gives
 * what was read if that was the right repository, else it reads again.
 */
export class EarlyGitConfig {
  readonly #reading: Promise<GitConfig> = readConfig(['config', '--list', '-z', '--show-origin'], process.cwd())

  constructor() {
    this.#reading.catch(() => {}) // outside of a repository, say: then it is read again
  }

  /** A value, as far as it could be read. */
  async get(key: string): Promise<string | undefined> {
    return (await this.#reading.catch(() => undefined))?.get(key)
  }

  async of(gitDir: string): Promise<GitConfig> {
    const config = await this.#reading.catch(() => undefined)
    const file = realFile(`${gitDir}/config`)
    const isRight = file !== undefined && [...(config?.origins ?? [])].some((origin) => realFile(origin) === file)
    return config !== undefined && isRight ? config : readGitConfig(gitDir)
  }
}

function realFile(path: string): string | undefined {
  try {
    return realpathSync(path)
  } catch {
    return undefined
  }
}

/** Reads the text of a git configuration file. */
export function parseGitConfig(text: Uint8Array, where: string): Promise<GitConfig> {
  return readConfig(['config', '--file', '-', '--no-includes', '--list', '-z'], where, text)
}

/**
 * Writes entries as git reads them from a file, by keys as it prints them: what is between the
 * first and the last dot is a subsection. Source: git-config(1), CONFIGURATION FILE.
 */
export function formatGitConfig(entries: Iterable<readonly [key: string, value: string]>): string {
  const quoted = (text: string) => `"${text.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`
  const lines = [...entries].map(([key, value]) => {
    const [section, name] = [key.slice(0, key.indexOf('.')), key.slice(key.lastIndexOf('.') + 1)]
    const middle = key.slice(section.length + 1, -name.length - 1)
    return `[${section}${middle === '' ? '' : ` ${quoted(middle)}`}]\n\t${name} = ${quoted(value)}\n`
  })
  return lines.join('')
}

async function readConfig(args: readonly string[], where: string, input?: Uint8Array): Promise<GitConfig> {
  const { code, stdout, stderr } = await run('git', args, input && { input })
  if (code !== 0) {
    const message = stderr || `git ended with exit code ${code}`
    throw new StoreError({ kind: 'unsupported', op: 'git config', where, message })
  }
  const entries = parseListing(stdout, { shows: args.includes('--show-origin') })
  const files = entries.flatMap(({ shown }) => (shown.startsWith('file:') ? [shown.slice('file:'.length)] : []))
  return new GitConfig(
    entries.map(({ key, value }) => [key, value]),
    new Set(files),
  )
}

/** git's own reading of a boolean; undefined for anything else. */
export function toBoolean(value: string): boolean | undefined {
  if (/^(true|yes|on|1)$/i.test(value)) return true
  return /^(false|no|off|0|)$/i.test(value) ? false : undefined
}

/** Applies `url.<base>.insteadOf` to a URL: the longest match wins (git-config). */
export function rewriteUrl(config: GitConfig, url: string): string {
  let best: { base: string; prefix: string } | undefined
  for (const key of config.keys()) {
    const [, base] = /^url\.(.*)\.insteadof$/s.exec(key) ?? []
    if (base === undefined) continue
    for (const prefix of config.all(key)) {
      if (url.startsWith(prefix) && prefix.length > (best?.prefix.length ?? -1)) best = { base, prefix }
    }
  }
  return best === undefined ? url : best.base + url.slice(best.prefix.length)
}
