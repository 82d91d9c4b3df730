import { ConfigError } from '../../core/errors.ts'
import { type GitConfig, rewriteUrl, toBoolean } from '../../core/git-config.ts'
import { withoutPassword } from '../../core/secret.ts'
import { stallMsOf } from '../../core/stall-timeout.ts'
import type { StoreLocation } from '../../store/location.ts'
import { factsOf } from '../../store/schemes.ts'
import type { SshProvider } from '../../store/ssh/connect.ts'
import { parseStoreUrl } from '../url.ts'
import { storeAt, valuesOf } from './named-stores.ts'
import { type S3Options, s3Options } from './s3.ts'
import { endpointsInConfig, parseEndpoint } from './s3-endpoints.ts'
import { S3_SETTINGS } from './store-setting-names.ts'
import { oneOf, sshProvider } from './values.ts'

/** Settings of the special remote, committed to the git-annex branch by initremote. */
export const REMOTE_SETTINGS = [
  {
    name: 'url',
    description:
      'URL of the RIA store, ria+file://…, ria+ssh://…, ria+sftp://…, ria+http(s)://…, ria+dav(s)://… or ria+s3+http(s)://…',
  },
  { name: 'push-url', description: 'URL of the same store to write through, if another. Optional' },
  {
    name: 'archive-id',
    description: 'id of the dataset in the store. Default: the DataLad dataset id, else the annex uuid',
  },
  ...S3_SETTINGS,
  { name: 'ssh-host', description: 'deprecated, use url' },
  { name: 'base-path', description: 'deprecated, use url' },
  { name: 'force-write', description: 'deprecated, use git config remote.<name>.ora-force-write' },
] as const

export type { S3Options } from './s3.ts'

export type RemoteSetting = (typeof REMOTE_SETTINGS)[number]['name']

/**
 * Settings in git's configuration, as `remote.<name>.<setting>`. docs/settings.md is made of this
 * table.
 */
export const LOCAL_SETTINGS = {
  'ora-url': 'store URL that this clone uses instead of the committed one',
  'ora-push-url': 'the same for writing',
  'ora-force-write': 'true: write even into a layout of unknown version',
  'ora-ignore-ria-config': 'true: pay no attention to flags in the layout files (error logs)',
  'ora-buffer-size': 'bytes that are read from a local file at once when it is uploaded',
  'riastore-verify': 'auto|always|never: check downloads against the key here. auto does so when annex-verify is false',
  'riastore-ssh': 'auto|ssh2|openssh: who makes the ssh connection',
  'riastore-stall-timeout': 'seconds without any progress after which a transfer or request has failed. Default 30',
  'riastore-s3-profile': 'S3: profile in the AWS configuration files that the credentials are taken from',
  'riastore-s3-endpoint':
    'S3: server that AWS keys found here are sent to, like https://s3.example.org. It may be repeated',
  'riastore-webdav-endpoint':
    'WebDAV: server that WEBDAV_PASSWORD is sent to, like https://cloud.example.org. It may be repeated',
  'riastore-s3-parallel': 'S3: parts of one file that are on their way at once, up or down, 1 to 64',
} as const

export type LocalSetting = keyof typeof LOCAL_SETTINGS

/** Everything that was configured, read once. */
export interface RemoteConfig {
  readonly url: StoreUrl
  readonly pushUrl: StoreUrl | undefined
  readonly forceWrite: boolean
  readonly ignoreFlags: boolean
  readonly bufferBytes: number | undefined
  readonly verify: boolean
  readonly ssh: SshProvider
  readonly stallMs: number
  readonly s3: S3Options
  readonly s3Endpoints: S3Endpoints
}

/** Servers of S3, each as the origin of a URL: `https://host[:port]`. */
export interface S3Endpoints {
  /** Those that the user or the administrator named, for whatever purpose. */
  readonly named: ReadonlySet<string>
  /**
   * Those that were named for this very remote. Where there are any, what git-annex keeps for it is
   * for them alone, too.
   */
  readonly ofRemote: ReadonlySet<string>
}

export interface StoreUrl {
  /** After git's rewriting. */
  readonly text: string
  readonly location: StoreLocation
  /** Set in this clone's git configuration: never to be committed. */
  readonly isLocal: boolean
}

export interface ConfigSources {
  /** The committed settings; empty when unset. */
  readonly committed: Readonly<Partial<Record<RemoteSetting, string>>>
  readonly git: GitConfig
  /** The name of the git remote, as far as it is known. */
  readonly gitName: string | undefined
  /** The name under which the special remote was made. */
  readonly name: string | undefined
}

/**
 * Brings the settings together, ORA's way: the clone's own over the committed ones. Between them
 * come those of the store, where the user or the administrator gave it a name. Throws ConfigError.
 */
export function resolveConfig(sources: ConfigSources): RemoteConfig {
  const { committed } = sources
  const local = (setting: LocalSetting) => localSetting(sources, setting)
  const url = storeUrl(sources, 'url', committed.url) ?? deprecatedUrl(sources)
  if (url === undefined) throw new ConfigError('no store is configured: give url=ria+<scheme>://…')
  const pushUrl = storeUrl(sources, 'push-url', committed['push-url'])
  if (pushUrl !== undefined && !factsOf(pushUrl.location).writable) {
    const name = pushUrl.isLocal ? nameOfLocal(sources, 'ora-push-url') : 'push-url'
    throw new ConfigError(`the ${name} ${withoutPassword(pushUrl.text)} is HTTP, which can only be read`)
  }
  const deprecated = (setting: string) => sources.git.get(`annex.ora-remote.${sources.name}.${setting}`)
  const named = valuesOf(storeAt(sources.git, (pushUrl ?? url).location))
  return {
    url,
    pushUrl,
    forceWrite: flag(
      'ora-force-write',
      local('ora-force-write') ?? (committed['force-write'] || undefined) ?? deprecated('force-write'),
    ),
    ignoreFlags: flag('ora-ignore-ria-config', local('ora-ignore-ria-config') ?? deprecated('ignore-remote-config')),
    bufferBytes: bytes(local('ora-buffer-size')),
    verify: verifies(sources, local('riastore-verify') ?? 'auto'),
    ssh: sshProvider('riastore-ssh', local('riastore-ssh') ?? named.ssh),
    stallMs: stallMsOf(sources.git, sources.gitName ?? sources.name),
    s3: s3Options(
      { ...committed, ...named },
      {
        profile: local('riastore-s3-profile') ?? named.profile,
        parallel: local('riastore-s3-parallel') ?? named.parallel,
      },
    ),
    s3Endpoints: s3Endpoints(sources),
  }
}

function s3Endpoints(sources: ConfigSources): S3Endpoints {
  const setting = 'riastore-s3-endpoint'
  const given = localSettings(sources, setting).filter((value) => value !== '')
  const ofRemote = new Set(given.map((value) => parseEndpoint(setting, value)))
  return { ofRemote, named: new Set([...endpointsInConfig(sources.git), ...ofRemote]) }
}

function localSetting(sources: ConfigSources, setting: string): string | undefined {
  return localSettings(sources, setting).at(-1)
}

function localSettings({ git, gitName, name }: ConfigSources, setting: string): readonly string[] {
  const remote = gitName ?? name
  return remote === undefined ? [] : git.all(`remote.${remote}.${setting}`)
}

function storeUrl(
  sources: ConfigSources,
  name: 'url' | 'push-url',
  committed: string | undefined,
): StoreUrl | undefined {
  const local = localSetting(sources, `ora-${name}`)
  const given = local || committed
  if (!given) return undefined
  const text = rewriteUrl(sources.git, given)
  try {
    return { text, location: parseStoreUrl(text), isLocal: Boolean(local) }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new ConfigError(`${local ? nameOfLocal(sources, `ora-${name}`) : name}: ${error.message}`)
  }
}

/** As the user finds it in git's configuration. */
function nameOfLocal({ gitName, name }: ConfigSources, setting: LocalSetting): string {
  return `remote.${gitName ?? name ?? '<name>'}.${setting}`
}

/** The form before there were URLs: a host (`0` or none: this machine) and a path. */
function deprecatedUrl({ git, name, committed }: ConfigSources): StoreUrl | undefined {
  const setting = (key: 'ssh-host' | 'base-path') =>
    git.get(`annex.ora-remote.${name}.${key}`) || committed[key] || undefined
  const path = setting('base-path')?.trim()
  if (path === undefined) return undefined
  if (!path.startsWith('/')) throw new ConfigError(`base-path ${path} is not absolute`)
  const host = setting('ssh-host')
  const encoded = path.replace(/[%?#\s]/g, encodeURIComponent)
  const text = host === undefined || host === '0' ? `ria+file://${encoded}` : `ria+ssh://${host}${encoded}`
  return { text, location: parseStoreUrl(text), isLocal: true }
}

/** `auto` checks exactly when git-annex was told not to. */
function verifies(sources: ConfigSources, value: string): boolean {
  const choice = oneOf('riastore-verify', value, ['auto', 'always', 'never'])
  if (choice !== 'auto') return choice === 'always'
  const annexVerify = localSetting(sources, 'annex-verify') ?? sources.git.get('annex.verify')
  return annexVerify !== undefined && toBoolean(annexVerify) === false
}

function flag(name: string, value: string | undefined): boolean {
  const parsed = value === undefined ? false : toBoolean(value)
  if (parsed === undefined) throw new ConfigError(`${name} is ${JSON.stringify(value)}: true or false?`)
  return parsed
}

function bytes(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const [, digits, unit = ''] = /^([1-9][0-9]{0,11})([kmg]?)$/i.exec(value) ?? []
  if (digits === undefined) throw new ConfigError(`ora-buffer-size is ${JSON.stringify(value)}: a number of bytes?`)
  const factor = { '': 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[unit.toLowerCase()] ?? 1
  return Math.min(Number(digits) * factor, 64 * 1024 ** 2)
}
