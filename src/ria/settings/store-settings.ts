import { isDeepStrictEqual } from 'node:util'
import type { GitConfig } from '../../core/git-config.ts'
import { stallMsOf } from '../../core/stall-timeout.ts'
import type { StoreLocation } from '../../store/location.ts'
import type { OpenSettings } from '../../store/open.ts'
import { factsOf } from '../../store/schemes.ts'
import { type StoreEntry, storeAt, valuesOf } from './named-stores.ts'
import { type S3RemoteSettings, s3Options } from './s3.ts'
import { endpointOf, s3Settings } from './s3-credentials.ts'
import { keptCredentials, keptLogin, type Sibling } from './siblings.ts'
import { sshProvider } from './values.ts'
import { webdavLogins } from './webdav.ts'

/** Where settings of a store may be found. */
export interface SettingsSources {
  readonly git: GitConfig
  /** By which the user named it; without, one that lies at the same place counts. */
  readonly entry?: StoreEntry | undefined
  /** Storage siblings of the clone that we are in; none outside of one. */
  readonly siblings: readonly Sibling[]
  /** The git remote through which it is used. */
  readonly remote?: string | undefined
  /** The user gave the address to this very command; git may have it from a dataset. */
  readonly isNamed: boolean
}

/**
 * How a store is opened that somebody named by its address, or by a name that stands for it: as the
 * user's and the system's configuration says. Of what came with the dataset (a storage sibling's
 * committed settings) only what decides neither where data goes nor who sees it. Throws
 * ConfigError.
 */
export async function storeSettings(location: StoreLocation, sources: SettingsSources): Promise<OpenSettings> {
  const { git, siblings, remote } = sources
  const values = valuesOf(sources.entry ?? storeAt(git, location))
  const sibling = siblings.find((each) => liesAt(each, location))
  const local = (setting: string) => sibling && git.get(`remote.${sibling.name}.${setting}`)
  const dav = await webdavLogins({
    location,
    git,
    isNamed: sources.isNamed,
    remote: sibling?.name,
    kept: async () => sibling && keptLogin(sibling),
  })
  const settings = {
    dav,
    git,
    stallMs: stallMsOf(git, remote),
    ssh: sshProvider('riastore-ssh', local('riastore-ssh') ?? values.ssh),
  }
  if (!factsOf(location).awsCredentials) return settings
  const s3 = s3Options(
    // To restore what lies in cold storage costs money: only who says so has it done by commands.
    { restoredays: '0', ...harmless(sibling?.committed ?? {}), ...values },
    {
      profile: local('riastore-s3-profile') ?? values.profile,
      parallel: local('riastore-s3-parallel') ?? values.parallel,
    },
  )
  const kept = sibling && (await keptFor(sibling, location))
  if (kept === undefined) return { ...settings, s3 }
  const { findCredentials } = await import('../../store/s3/credentials.ts')
  return { ...settings, s3: { ...s3, ...(await findCredentials(s3.profile, async () => kept)) } }
}

/**
 * How the store of a storage sibling is opened that nobody named: its address may have come with
 * the dataset, so the user's AWS keys go there only as the special remote itself would send them.
 */
export async function siblingSettings(
  sibling: Sibling,
  { git, siblings }: Pick<SettingsSources, 'git' | 'siblings'>,
  forWriting: boolean,
): Promise<{ readonly location: StoreLocation; readonly settings: OpenSettings }> {
  if (sibling.config instanceof Error) throw sibling.config
  const { config, name } = sibling
  const url = (forWriting ? config.pushUrl : undefined) ?? config.url
  const { location } = url
  const settings = await storeSettings(location, {
    git,
    siblings: siblings.filter((each) => each === sibling),
    isNamed: url.isLocal,
  })
  const stallMs = config.stallMs
  if (settings.s3 === undefined) return { location, settings: { ...settings, stallMs } }
  const kept = () => keptCredentials(sibling)
  const found = await s3Settings({ config: { ...config, s3: settings.s3 }, url, name, isNew: false, kept })
  return { location, settings: { ...settings, stallMs, s3: found } }
}

/** Whether a sibling's store lies there, read or written. */
export function liesAt({ config }: Sibling, location: StoreLocation): boolean {
  if (config instanceof Error) return false
  return [config.url, config.pushUrl].some((url) => url !== undefined && isDeepStrictEqual(url.location, location))
}

/**
 * What git-annex keeps for a sibling, where that is for this server: servers that were named for
 * the very remote are the only ones that get it.
 */
async function keptFor(sibling: Sibling, location: StoreLocation) {
  if (sibling.config instanceof Error) return undefined
  const { ofRemote } = sibling.config.s3Endpoints
  const endpoint = endpointOf({ location }) ?? ''
  return ofRemote.size === 0 || ofRemote.has(endpoint) ? keptCredentials(sibling) : undefined
}

/** ACLs that let nobody see more than the owner of the bucket, whom the user chose, sees. */
const OWNERS_ACLS = ['private', 'bucket-owner-read', 'bucket-owner-full-control']

/**
 * What may be taken of a dataset's word: how requests are made, and what only narrows who sees
 * something. A key to encrypt with, say, could be somebody else's.
 */
function harmless({
  region,
  requeststyle,
  partsize,
  acl,
  serversideencryption,
  ssekmskeyid,
}: Sibling['committed']): S3RemoteSettings {
  return {
    ...(region && { region }),
    ...(requeststyle && { requeststyle }),
    ...(partsize && { partsize }),
    ...(acl && OWNERS_ACLS.includes(acl) && { acl }),
    ...(serversideencryption && !ssekmskeyid && { serversideencryption }),
  }
}
