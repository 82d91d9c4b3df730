import { resolve } from 'node:path'
import { ConfigError } from '../core/errors.ts'
import { GitConfig, rewriteUrl } from '../core/git-config.ts'
import { run } from '../core/process/run.ts'
import { withoutPassword } from '../core/secret.ts'
import { STALL_TIMEOUT, stallMsOf } from '../core/stall-timeout.ts'
import { parseStoreUrl, suggestStoreUrl } from '../ria/url.ts'
import type { StoreLocation } from '../store/location.ts'
import { openStore } from '../store/open.ts'
import type { Store } from '../store/store.ts'
import { gitConfigOfEnvironment } from './stall-timeout.ts'

/** A store as a user names it. */
export interface NamedStore {
  readonly location: StoreLocation
  /** A dataset that was named together with it: `…#<id>` or `…#~<alias>`. */
  readonly dataset: string | undefined
  /** A call in which nothing moves for so long has failed. ms. */
  readonly stallMs: number
}

/** Reads a `ria+…` URL, after git's insteadOf, or the path of a directory. Throws ConfigError. */
export async function parseStore(text: string): Promise<NamedStore> {
  const git = await readGitConfig()
  const stallMs = stallMsOf(git)
  const url = rewriteUrl(git, text)
  if (url.startsWith('ria+')) {
    const [store = '', dataset] = splitOnce(url, '#')
    return { location: parseStoreUrl(store), dataset: dataset || undefined, stallMs }
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(url)) {
    const meant = suggestStoreUrl(url)
    const hint = meant === undefined ? '' : ` (${meant}?)`
    throw new ConfigError(`${withoutPassword(url)} is no URL of a RIA store: those begin with ria+${hint}`)
  }
  if (url === '') throw new ConfigError('the store has an empty name')
  return { location: { scheme: 'file', path: resolve(url) }, dataset: undefined, stallMs }
}

export function openNamedStore({ location, stallMs }: NamedStore): Promise<Store> {
  const log = process.env.RIASTORE_DEBUG ? (line: string) => process.stderr.write(`riastore: ${line}\n`) : undefined
  return openStore(location, { stallMs, ssh: 'auto', log })
}

/** What concerns us of git's configuration, of the user and of the repository that we are in. */
async function readGitConfig(): Promise<GitConfig> {
  try {
    const { stdout } = await run('git', ['config', '-z', '--get-regexp', CONCERNS_US])
    return GitConfig.parse(stdout)
  } catch {
    return gitConfigOfEnvironment()
  }
}

const CONCERNS_US = `^(url\\..*\\.insteadof|${STALL_TIMEOUT.replace('.', '\\.')})$`

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}
