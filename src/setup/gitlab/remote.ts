import { ConfigError } from '../../core/errors.ts'
import { withoutPassword } from '../../core/secret.ts'
import type { Project } from '../../gitlab/shapes.ts'
import type { Dataset } from '../dataset.ts'

/**
 * How git talks to GitLab; `http` means the very same as `https`, namely what GitLab says its
 * address is.
 */
export type Access = 'https' | 'http' | 'ssh' | 'ssh+https' | 'ssh+http'

export const ACCESSES: readonly Access[] = ['https', 'ssh', 'ssh+https', 'http', 'ssh+http']

export interface RemoteUrls {
  readonly url: string
  /** Undefined: the same. */
  readonly pushUrl: string | undefined
}

export interface RemoteWish {
  readonly name: string
  readonly existing: 'skip' | 'error' | 'reconfigure'
  readonly publishDepends: readonly string[]
}

/**
 * The addresses of a project for git. Throws ConfigError for one that git would not take for an
 * address on the network.
 */
export function urlsFor({ httpUrl, sshUrl, webUrl }: Project, access: Access): RemoteUrls {
  const isSafe = (url: string) => /^(https?|ssh):\/\/[^\s-][^\s]*$|^[\w.-]+@[\w.-]+:[^\s]+$/.test(url)
  const url = access === 'ssh' ? sshUrl : httpUrl
  const pushUrl = access.startsWith('ssh+') ? sshUrl : undefined
  for (const each of [url, pushUrl]) {
    if (each !== undefined && !isSafe(each)) throw new ConfigError(`${webUrl} has no address for git by ${access}`)
  }
  return { url, pushUrl }
}

/** Whether the remote for a project can be made, before anything is. Throws ConfigError. */
export async function checkRemote(
  dataset: Dataset,
  project: string,
  { name, existing, publishDepends }: RemoteWish,
): Promise<'new' | 'there' | 'skip'> {
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name) || /\.\.|\.lock$|\.$/.test(name)) {
    throw new ConfigError(`${JSON.stringify(name)} is no name for a sibling: letters, digits, - _ and . only`)
  }
  const remotes = await dataset.remotes()
  const missing = publishDepends.filter((each) => each === name || !remotes.includes(each))
  if (missing.length > 0) {
    throw new ConfigError(`${dataset.path} has no sibling ${missing.join(', ')} that ${name} could depend on`)
  }
  const url = await dataset.get(`remote.${name}.url`)
  if (url === undefined && (await dataset.get(`remote.${name}.annex-externaltype`)) !== undefined) {
    throw new ConfigError(`${dataset.path}: ${name} is a special remote already: give the sibling another name`)
  }
  if (url === undefined) return 'new'
  if (existing === 'skip') return 'skip'
  // Its exact address is known when the project is there: nothing shall be made for a remote that
  // certainly leads elsewhere.
  const path = /[/:]((?:[^/:]+\/)*[^/:]+?)(?:\.git)?\/*$/.exec(url)?.[1] ?? ''
  const leadsThere = `/${path}`.toLowerCase().endsWith(`/${project}`.toLowerCase())
  if (existing === 'error' && !leadsThere) throw leadsElsewhere(dataset, name, url, project)
  return 'there'
}

function leadsElsewhere(dataset: Dataset, name: string, url: string, wanted: string): ConfigError {
  const there = withoutPassword(url)
  return new ConfigError(
    `${dataset.path}: the sibling ${name} leads to ${there}, not to ${wanted}: reconfigure it, or give another name`,
  )
}

/**
 * Makes the remote, or completes it. git-annex is told to leave it alone before it can be seen, and
 * its address comes last: where that is, all is. Throws ConfigError for a remote that leads
 * elsewhere, unless it is to be reconfigured.
 */
export async function configureRemote(
  dataset: Dataset,
  { name, urls, existing, publishDepends }: RemoteWish & { readonly urls: RemoteUrls },
): Promise<void> {
  const key = (setting: string) => `remote.${name}.${setting}`
  const url = await dataset.get(key('url'))
  const pushUrl = await dataset.get(key('pushurl'))
  const differs = (url !== undefined && url !== urls.url) || (url !== undefined && pushUrl !== urls.pushUrl)
  if (differs && existing !== 'reconfigure') {
    const isUrl = url !== urls.url
    throw leadsElsewhere(dataset, name, (isUrl ? url : pushUrl) ?? '', (isUrl ? urls.url : urls.pushUrl) ?? urls.url)
  }
  if ((await dataset.get(key('annex-ignore'))) === undefined) await dataset.set(key('annex-ignore'), 'true')
  if ((await dataset.get(key('fetch'))) === undefined) {
    await dataset.set(key('fetch'), `+refs/heads/*:refs/remotes/${name}/*`)
  }
  const depends = await dataset.getAll(key('datalad-publish-depends'))
  for (const each of publishDepends) {
    if (!depends.includes(each)) await dataset.add(key('datalad-publish-depends'), each)
  }
  if (urls.pushUrl !== undefined && pushUrl !== urls.pushUrl) await dataset.set(key('pushurl'), urls.pushUrl)
  if (urls.pushUrl === undefined && pushUrl !== undefined) await dataset.unset(key('pushurl'))
  if (url !== urls.url) await dataset.set(key('url'), urls.url)
}
