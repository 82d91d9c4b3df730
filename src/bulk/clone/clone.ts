import { statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { ConfigError } from '../../core/errors.ts'
import { type GitConfig, readGitConfig, toBoolean } from '../../core/git-config.ts'
import { findProgram } from '../../core/process/find-program.ts'
import { run } from '../../core/process/run.ts'
import { decode } from '../../core/text.ts'

/** A repository with an annex on this machine. */
export interface Clone {
  /** Where its commands run: the work tree's top, or the bare repository. */
  readonly directory: string
  /** The repository itself, which the work trees of `git worktree` have in common. */
  readonly gitDirectory: string
  /** `.git/annex` */
  readonly annexDirectory: string
  readonly isBare: boolean
  /** The annex uuid. */
  readonly uuid: string
  readonly config: GitConfig
  /**
   * As `git annex version --raw` says, `10.20230126` for example. Undefined where nothing depends
   * on it, and git-annex was not asked.
   */
  readonly annexVersion: string | undefined
}

/** Opens the repository that a directory belongs to. Throws ConfigError when it has no annex. */
export async function openClone(directory: string): Promise<Clone> {
  const asked = ['rev-parse', '--is-bare-repository', '--git-common-dir', '--show-toplevel']
  const { code, stdout, stderr } = await run('git', asked, { cwd: directory })
  // The top comes last, for a name may have lines. A bare repository has none, and git says so.
  const [bare, common = '', ...lines] = decode(stdout).replace(/\n$/, '').split('\n')
  const isBare = bare === 'true'
  if (code !== 0 && !(isBare && common !== ''))
    throw new ConfigError(`${directory}: ${stderr.trim() || 'is in no git repository'}`)
  const gitDirectory = resolve(directory, common)
  const top = isBare ? gitDirectory : lines.join('\n')
  const [config] = await Promise.all([readGitConfig(gitDirectory), requireAnnex()])
  const uuid = config.get('annex.uuid')
  if (!uuid) throw new ConfigError(`${top} is no git-annex repository: run git annex init there`)
  const annexDirectory = join(gitDirectory, 'annex')
  const version = isSharedByModeBits(config) ? await annexVersion() : undefined
  return { directory: top, gitDirectory, annexDirectory, isBare, uuid, config, annexVersion: version }
}

/** Throws ConfigError when git would not find git-annex: before anything is done. */
async function requireAnnex(): Promise<void> {
  if ((await findProgram('git-annex')) === undefined) await annexVersion() // git looks elsewhere, too
}

async function annexVersion(): Promise<string> {
  const { code, stdout } = await run('git', ['annex', 'version', '--raw']).catch(() => ({ code: 1, stdout: '' }))
  if (code !== 0) throw new ConfigError('git-annex is not installed, or not on PATH')
  return stdout.toString().trim()
}

function isSharedByModeBits(config: GitConfig): boolean {
  return /^0?[0-7]{3}$/.test(config.get('core.sharedrepository') ?? '')
}

/** The repository versions whose layout and locks we know (git-annex: upgrades). */
const KNOWN_VERSION = '10'

/**
 * Why a repository is left to git-annex itself, in a few words; undefined when it is not. What is
 * listed changes where or how git-annex keeps objects or records, in ways that are rare and that
 * only it has to know.
 */
export function leftToAnnex(clone: Clone): string | undefined {
  const { config } = clone
  const isSet = (name: string) => toBoolean(config.get(name) ?? 'false') !== false
  const version = config.get('annex.version')
  if (version !== KNOWN_VERSION) return `its repository version is ${version ?? 'unknown'}, not ${KNOWN_VERSION}`
  if (isSet('annex.crippledfilesystem')) return 'its file system has no permissions (annex.crippledfilesystem)'
  if (isSet('annex.private')) return 'it is private (annex.private)'
  if (config.get('annex.alwayscommit') !== undefined && !isSet('annex.alwayscommit')) {
    return 'nothing is to be committed (annex.alwayscommit)'
  }
  if (config.get('annex.merge-annex-branches') !== undefined && !isSet('annex.merge-annex-branches')) {
    return 'branches are not to be merged (annex.merge-annex-branches)'
  }
  if (isSet('annex.adjustedbranchrefresh')) return 'its branch follows its content (annex.adjustedbranchrefresh)'
  const tuned = [...config.keys()].find((key) => key.startsWith('annex.tune.'))
  if (tuned !== undefined) return `it is tuned (${tuned})`
  if (isSharedByModeBits(config) && (clone.annexVersion ?? '') >= '10.2023040') {
    return `it is shared by mode bits (core.sharedRepository=${config.get('core.sharedrepository')})`
  }
  return undefined
}

/**
 * The same of a repository that content is to be placed in: what is placed is renamed, which no
 * file system does to another. git-annex copies where the objects are somewhere else.
 */
export function refusesContent(clone: Clone): string | undefined {
  const { annexDirectory } = clone
  const [annex, objects] = [annexDirectory, join(annexDirectory, 'objects')].map((path) =>
    statSync(path, { throwIfNoEntry: false }),
  )
  const isElsewhere = annex !== undefined && objects !== undefined && annex.dev !== objects.dev
  return leftToAnnex(clone) ?? (isElsewhere ? 'its objects are on another file system than .git/annex' : undefined)
}
