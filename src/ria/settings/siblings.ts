import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '../../core/errors.ts'
import type { GitConfig } from '../../core/git-config.ts'
import { type Agreement, Agreements } from '../../core/records/agree-to-remote.ts'
import { readRemoteLog } from '../../core/records/annex-logs.ts'
import type { Login } from '../../store/dav/authorization.ts'
import type { S3Credentials } from '../../store/s3/client.ts'
import { REMOTE_SETTINGS, type RemoteConfig, type RemoteSetting, resolveConfig } from './settings.ts'

/** A storage sibling that is enabled in a clone. */
export interface Sibling {
  /** Of the git remote. */
  readonly name: string
  /** Its annex uuid. */
  readonly uuid: string
  /** What the git-annex branch says of it: it comes with the dataset. */
  readonly committed: Readonly<Partial<Record<RemoteSetting, string>>>
  /** All that is set for it; the error where that cannot be understood. */
  readonly config: RemoteConfig | ConfigError
  /** Whether the user of the clone has confirmed it. */
  readonly agreement: Agreement
  /** Of the clone. */
  readonly annexDirectory: string
}

/** What our special remote is called, as git-annex's externaltype. */
export const EXTERNAL_TYPES: readonly string[] = ['ora', 'riastore']

/**
 * The storage siblings that are enabled in a clone, in the order of git's configuration. `gitDir`:
 * the one that the work trees of a clone have in common.
 */
export async function findSiblings(gitDir: string, git: GitConfig): Promise<readonly Sibling[]> {
  const names = [...git.keys()].flatMap((key) => {
    const [, name] = /^remote\.(.*)\.annex-externaltype$/s.exec(key) ?? []
    return name !== undefined && EXTERNAL_TYPES.includes(git.get(key) ?? '') ? [name] : []
  })
  if (names.length === 0) return []
  const annexDirectory = join(gitDir, 'annex')
  const logged = await readRemoteLog(gitDir)
  const agreements = await Agreements.read(gitDir, git)
  return names.flatMap((name) => {
    const uuid = git.get(`remote.${name}.annex-uuid`)
    const settings = logged.get(git.get(`remote.${name}.annex-config-uuid`) ?? uuid ?? '')
    if (uuid === undefined || settings === undefined) return []
    const committed: Partial<Record<RemoteSetting, string>> = {}
    for (const { name: setting } of REMOTE_SETTINGS) {
      const value = settings.get(setting)
      if (value !== undefined) committed[setting] = value
    }
    const made = settings.get('name') ?? settings.get('sameas-name')
    const config = resolved({ committed, git, gitName: name, name: made })
    return [{ name, uuid, committed, config, agreement: agreements.of(name), annexDirectory }]
  })
}

function resolved(sources: Parameters<typeof resolveConfig>[0]): RemoteConfig | ConfigError {
  try {
    return resolveConfig(sources)
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
}

/** The AWS keys that git-annex keeps for a remote, where it has them in this clone. */
export async function keptCredentials({
  annexDirectory,
  uuid,
}: Pick<Sibling, 'annexDirectory' | 'uuid'>): Promise<S3Credentials | undefined> {
  const [accessKeyId, secretAccessKey] = await keptLines(annexDirectory, `${uuid}-s3creds`)
  return accessKeyId && secretAccessKey ? { accessKeyId, secretAccessKey } : undefined
}

/** The same for WebDAV. */
export async function keptLogin({
  annexDirectory,
  uuid,
}: Pick<Sibling, 'annexDirectory' | 'uuid'>): Promise<Login | undefined> {
  const [user, password] = await keptLines(annexDirectory, `${uuid}-davcreds`)
  return user && password ? { user, password } : undefined
}

async function keptLines(annexDirectory: string, name: string): Promise<readonly string[]> {
  return (await readFile(join(annexDirectory, 'creds', name), 'utf8').catch(() => '')).split('\n')
}
