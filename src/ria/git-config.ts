import { StoreError } from '../core/errors.ts'
import { run } from '../core/run.ts'
import { decode } from '../core/text.ts'

/** A git configuration: values by key, in the order in which git found them. */
export class GitConfig {
  readonly #values = new Map<string, string[]>()

  constructor(entries: Iterable<readonly [string, string]>) {
    for (const [key, value] of entries) this.#values.set(key, [...(this.#values.get(key) ?? []), value])
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

/** Reads all that git knows in a repository: system, user, repository, environment. Throws StoreError `unsupported` when git fails. */
export function readGitConfig(gitDir: string): Promise<GitConfig> {
  return readConfig([`--git-dir=${gitDir}`, 'config', '--list', '-z'], gitDir)
}

/** Reads the text of a git configuration file. */
export function parseGitConfig(text: Uint8Array, where: string): Promise<GitConfig> {
  return readConfig(['config', '--file', '-', '--no-includes', '--list', '-z'], where, text)
}

async function readConfig(args: readonly string[], where: string, input?: Uint8Array): Promise<GitConfig> {
  const { code, stdout, stderr } = await run('git', args, input && { input })
  if (code !== 0) {
    throw new StoreError({
      kind: 'unsupported',
      op: 'git config',
      where,
      message: stderr || `git ended with exit code ${code}`,
    })
  }
  return new GitConfig(
    decode(stdout)
      .split('\0')
      .filter((entry) => entry !== '')
      .map(splitEntry),
  )
}

/** `key\nvalue`; a key alone is `true` (git-config, VALUES). */
function splitEntry(entry: string): readonly [string, string] {
  const line = entry.indexOf('\n')
  return line < 0 ? [entry, 'true'] : [entry.slice(0, line), entry.slice(line + 1)]
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
