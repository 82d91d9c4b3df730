import { ConfigError } from '../core/errors.ts'
import { toBoolean } from '../core/git-config.ts'
import { Agreements, notVerified } from '../core/records/agree-to-remote.ts'
import { readRemoteLog } from '../core/records/annex-logs.ts'
import { REMOTE_SETTINGS, type RemoteConfig, type RemoteSetting, resolveConfig } from '../ria/settings/settings.ts'
import { EXTERNAL_TYPES } from '../ria/settings/siblings.ts'
import { factsOf } from '../store/schemes.ts'
import type { Clone } from './clone/clone.ts'

/** A git remote of the clone that is a storage sibling in a RIA store. */
export interface BulkRemote {
  readonly name: string
  readonly uuid: string
  /** As git-annex has it: cheaper ones are asked first. */
  readonly cost: number
  /** `annex-ignore`: only used when it is named. */
  readonly ignored: boolean
  /** `annex-speculate-present`: asked for keys that nobody says it has. */
  readonly speculative: boolean
  readonly setup: RemoteSetup
}

/** How a remote is opened, or why only git-annex itself can use it. */
export type RemoteSetup =
  | { readonly config: RemoteConfig; readonly datasetId: string }
  | { readonly leftToAnnex: string }

/** The storage siblings that are enabled in a clone, the cheapest first. */
export async function findRemotes(clone: Clone): Promise<BulkRemote[]> {
  const logged = await readRemoteLog(clone.gitDirectory)
  const agreements = await Agreements.read(clone.gitDirectory, clone.config)
  const found: BulkRemote[] = []
  for (const key of clone.config.keys()) {
    const [, name] = /^remote\.(.*)\.annex-externaltype$/s.exec(key) ?? []
    if (name === undefined || !EXTERNAL_TYPES.includes(clone.config.get(key) ?? '')) continue
    const remote = toRemote(clone, name, logged)
    if (remote === undefined) continue
    const isUsed = agreements.of(name) !== 'not used' || 'leftToAnnex' in remote.setup
    found.push(isUsed ? remote : { ...remote, setup: { leftToAnnex: notVerified(name) } })
  }
  return found.sort((a, b) => a.cost - b.cost)
}

type Settings = ReadonlyMap<string, string>

function toRemote(clone: Clone, name: string, logged: ReadonlyMap<string, Settings>): BulkRemote | undefined {
  const { config } = clone
  const local = (setting: string) => config.get(`remote.${name}.${setting}`)
  const isSet = (setting: string) => toBoolean(local(setting) ?? 'false') !== false
  const uuid = local('annex-uuid')
  if (!uuid) return undefined
  const setup = setupOf(clone, name, logged.get(local('annex-config-uuid') ?? uuid))
  const isNear = 'config' in setup && factsOf(setup.config.url.location).local
  const cost = Number(local('annex-cost') ?? Number.NaN)
  return {
    name,
    uuid,
    cost: Number.isFinite(cost) ? cost : isNear ? 100 : 200,
    ignored: isSet('annex-ignore'),
    speculative: isSet('annex-speculate-present'),
    setup,
  }
}

/**
 * Settings of a remote that make git-annex do something besides, or instead of, asking the program
 * for a key.
 */
const LEFT_TO_ANNEX = ['annex-start-command', 'annex-ignore-command', 'annex-cost-command', 'annex-private']

function setupOf({ config }: Clone, name: string, settings: Settings | undefined): RemoteSetup {
  if (settings === undefined) return { leftToAnnex: 'its settings are not in the git-annex branch' }
  const encryption = settings.get('encryption') ?? 'none'
  if (encryption !== 'none') return { leftToAnnex: `it is encrypted (encryption=${encryption})` }
  if (settings.has('chunk')) return { leftToAnnex: `it has chunks (chunk=${settings.get('chunk')})` }
  for (const tree of ['exporttree', 'importtree']) {
    if (/^(yes|true)$/i.test(settings.get(tree) ?? '')) return { leftToAnnex: `it has a tree of files (${tree}=yes)` }
  }
  for (const setting of LEFT_TO_ANNEX) {
    if (config.get(`remote.${name}.${setting}`) !== undefined) return { leftToAnnex: `${setting} is set` }
  }
  const committed: Partial<Record<RemoteSetting, string>> = {}
  for (const { name: setting } of REMOTE_SETTINGS) {
    const value = settings.get(setting)
    if (value !== undefined) committed[setting] = value
  }
  const datasetId = committed['archive-id']
  if (!datasetId) return { leftToAnnex: 'it has no archive-id' }
  const made = settings.get('name') ?? settings.get('sameas-name')
  try {
    return { config: resolveConfig({ committed, git: config, gitName: name, name: made }), datasetId }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { leftToAnnex: error.message } // it may not be needed, and git-annex tells the same when it is
  }
}
