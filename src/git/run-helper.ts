import { createInterface } from 'node:readline'
import { messageOf, oneLine } from '../core/errors.ts'
import { GitConfig } from '../core/git-config.ts'
import { run } from '../core/process/run.ts'
import { decode } from '../core/text.ts'
import { StoredDataset } from '../ria/layout/stored-dataset.ts'
import { findSiblings } from '../ria/settings/siblings.ts'
import { storeSettings } from '../ria/settings/store-settings.ts'
import type { StoreLocation } from '../store/location.ts'
import { openStore } from '../store/open.ts'
import type { Store } from '../store/store.ts'
import { parseRepositoryUrl } from './address.ts'
import { resolveAlias } from './alias.ts'
import { RemoteHelper } from './remote-helper.ts'
import { StoredRepository } from './repository.ts'

/**
 * Runs the helper as git starts it, `git-remote-<scheme> <remote> <url>`, until git closes its
 * input. Resolves with the exit code; what went wrong is told in one line on stderr.
 */
export async function runRemoteHelper(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const options = { verbosity: 1, progress: false }
  let store: Store | undefined
  const open = async () => {
    const [remote, url] = args
    if (url === undefined) throw new Error('git starts this program, for a URL of its own')
    const { location, directory } = parseRepositoryUrl(url)
    const log = env.RIASTORE_DEBUG ? (line: string) => process.stderr.write(`riastore: ${line}\n`) : undefined
    store = await openStore(location, { ...(await settingsOf(location, remote, env)), log })
    return new StoredRepository(await resolveAlias(new StoredDataset(store, directory)), {
      gitDir: env.GIT_DIR,
      shows: options.progress && options.verbosity > 0,
    })
  }
  let repository: Promise<StoredRepository> | undefined
  const opened = () => {
    repository ??= open()
    return repository
  }
  const say = (...lines: readonly string[]) => process.stdout.write(lines.map((line) => `${line}\n`).join(''))
  const helper = new RemoteHelper(opened, options, say, (line) => process.stderr.write(`${oneLine(line)}\n`))
  try {
    for await (const line of createInterface({ input: process.stdin })) {
      if (!(await helper.handle(line))) break
    }
    return 0
  } catch (error) {
    process.stderr.write(`fatal: ${messageOf(error)}\n`)
    return 128
  } finally {
    await store?.close()
  }
}

/**
 * As git's configuration says, which git hands on with what `-c` gave it, and as the clone knows
 * the store.
 */
async function settingsOf(location: StoreLocation, remote: string | undefined, env: NodeJS.ProcessEnv) {
  const [listing, common] = await Promise.all([
    run('git', ['config', '--list', '-z']),
    // Outside of a repository (git ls-remote URL) git has set none.
    env.GIT_DIR ? run('git', ['rev-parse', '--path-format=absolute', '--git-common-dir']) : undefined,
  ])
  const git = GitConfig.parse(listing.stdout)
  const gitDir = common?.code === 0 ? decode(common.stdout).replace(/\n$/, '') : undefined
  const siblings = gitDir === undefined ? [] : await findSiblings(gitDir, git)
  return storeSettings(location, { git, siblings, remote, isNamed: false })
}
