import type { Job } from '../annex/remote.ts'
import { ConfigError } from '../core/errors.ts'
import type { EarlyGitConfig, GitConfig } from '../core/git-config.ts'
import { run } from '../core/process/run.ts'
import { readAnnexLogs, settingsOfLine } from '../core/records/annex-logs.ts'
import { REMOTE_SETTINGS, type RemoteConfig, resolveConfig } from '../ria/settings/settings.ts'

/** What a remote was told to be. */
export interface Configured {
  readonly config: RemoteConfig
  readonly git: GitConfig
  readonly id: string
  readonly annexUuid: string
  /** The remote has been set up before, here or in another clone. */
  readonly isKnown: boolean
  readonly gitDir: string
  /** Of the git remote, as far as it is known. */
  readonly name: string | undefined
}

/**
 * Asks git-annex, and reads git's configuration. `initializing`: the remote is being set up, not
 * used. Throws ConfigError.
 */
export async function configure(job: Job, earlyGit: EarlyGitConfig, initializing: boolean): Promise<Configured> {
  const gitDir = await job.getGitDir()
  const reading = earlyGit.of(gitDir)
  reading.catch(() => {}) // awaited below
  const names = [...REMOTE_SETTINGS.map(({ name }) => name), 'name', 'sameas-name']
  // Asked together: git-annex answers in order, and nobody waits for each.
  const [annexUuid, told, ...values] = await Promise.all([
    job.getUuid(),
    // Asked while it is set up, git-annex before 10.20260115 ends the conversation.
    initializing ? undefined : job.getGitRemoteName(),
    ...names.map((name) => job.getConfig(name)),
  ])
  const committed: Record<string, string> = Object.fromEntries(names.map((name, i) => [name, values[i] ?? '']))
  const git = await reading
  const gitName = told ?? remoteWithUuid(git, annexUuid)
  const name = committed.name || committed['sameas-name'] || undefined
  const config = resolveConfig({ committed, git, gitName, name })
  const id = committed['archive-id'] || (initializing ? ((await dataladId(gitDir)) ?? annexUuid) : '')
  if (id === '') throw new ConfigError('no archive-id is configured: run git annex enableremote')
  const isKnown = !initializing || (await isRecorded(gitDir, annexUuid, committed['sameas-name']))
  return { config, git, id, annexUuid, isKnown, gitDir, name: gitName ?? name }
}

/** The one git remote that has this annex uuid. */
function remoteWithUuid(git: GitConfig, uuid: string): string | undefined {
  const names = [...git.keys()].flatMap((key) => {
    const [, name] = /^remote\.(.*)\.annex-uuid$/s.exec(key) ?? []
    return name !== undefined && git.get(key) === uuid ? [name] : []
  })
  return names.length === 1 ? names[0] : undefined
}

/** The id that `datalad create` gave the dataset, from what is staged or committed. */
async function dataladId(gitDir: string): Promise<string | undefined> {
  for (const blob of [':.datalad/config', 'HEAD:.datalad/config']) {
    const { code, stdout } = await run('git', [
      `--git-dir=${gitDir}`,
      'config',
      '--blob',
      blob,
      '--get',
      'datalad.dataset.id',
    ])
    const id = stdout.toString().trim()
    if (code === 0 && id !== '') return id
  }
  return undefined
}

/**
 * Whether a git-annex branch has the remote, so that it is being enabled, not made: git-annex asks
 * us the same in both cases. One that uses the uuid of another is known by its name.
 */
async function isRecorded(gitDir: string, uuid: string, sameasName: string | undefined): Promise<boolean> {
  const git = async (args: readonly string[]) => {
    const { code = -1, stdout, stderr } = await run('git', [`--git-dir=${gitDir}`, ...args])
    if (code !== 0 && args[0] !== 'cat-file') throw new ConfigError(`git ${args[0]} failed in ${gitDir}: ${stderr}`)
    return { code, stdout }
  }
  const lines = (await readAnnexLogs(git, gitDir, 'remote.log')).flatMap((log) => log.split('\n'))
  return lines.some((line) => {
    if (!sameasName) return line.startsWith(`${uuid} `)
    const settings = settingsOfLine(line)
    return settings.get('sameas-uuid') === uuid && settings.get('sameas-name') === sameasName
  })
}
