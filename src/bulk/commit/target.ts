import { ConfigError } from '../../core/errors.ts'
import type { Clone } from '../clone/clone.ts'
import type { CloneGit } from './clone-git.ts'

/** Where the branch of a clone is pushed to. */
export interface Target {
  /** The git remote. */
  readonly remote: string
  /** The branch here, by its whole name. */
  readonly local: string
  /** The branch there, by its whole name. */
  readonly branch: string
  /** What was last seen there of that branch, and of git-annex's, as refs of this clone. */
  readonly seen: string
  readonly seenAnnex: string
}

/**
 * Finds out what a clone's branch belongs to: the remote that is named, else the one that the
 * branch has, else origin, else the only one. Throws ConfigError.
 */
export async function findTarget(clone: Clone, git: CloneGit, named: string | undefined): Promise<Target> {
  const { code, text } = await git.run(['symbolic-ref', '--quiet', 'HEAD'], [0, 1])
  const local = text.trim()
  const where = clone.directory
  if (code !== 0) throw new ConfigError(`${where} is on no branch: git switch to the one that is meant`)
  if (local.startsWith('refs/heads/adjusted/')) {
    throw new ConfigError(`${where} is on an adjusted branch: git annex sync brings that into its store`)
  }
  const setting = (name: string) => clone.config.get(`branch.${local.slice('refs/heads/'.length)}.${name}`)
  const remote = named ?? chooseRemote(clone, setting('remote'))
  if (clone.config.get(`remote.${remote}.url`) === undefined) {
    throw new ConfigError(`${where} has no git remote ${JSON.stringify(remote)}: git remote lists them`)
  }
  const branch = (setting('remote') === remote ? setting('merge') : undefined) ?? local
  const seen = `refs/remotes/${remote}/`
  return { remote, local, branch, seen: seen + branch.slice('refs/heads/'.length), seenAnnex: `${seen}git-annex` }
}

function chooseRemote({ config, directory }: Clone, ofBranch: string | undefined): string {
  const isThere = (name: string) => config.get(`remote.${name}.url`) !== undefined
  if (ofBranch !== undefined && isThere(ofBranch)) return ofBranch
  if (isThere('origin')) return 'origin'
  const names = [...config.keys()].flatMap((key) => /^remote\.(.+)\.url$/s.exec(key)?.[1] ?? [])
  const [only, ...others] = new Set(names)
  if (only === undefined) throw new ConfigError(`${directory} has no git remote to push to`)
  if (others.length > 0)
    throw new ConfigError(`there are several git remotes: give --remote (${[only, ...others].join(', ')})`)
  return only
}
