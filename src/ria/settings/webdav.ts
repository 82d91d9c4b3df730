import { ConfigError } from '../../core/errors.ts'
import type { GitConfig } from '../../core/git-config.ts'
import type { Login, Logins } from '../../store/dav/authorization.ts'
import type { StoreLocation } from '../../store/location.ts'
import { isUsersUrl, urlsInConfig } from './user-urls.ts'

/** The setting of git's configuration by which a user names such a server for all remotes. */
const SETTING = 'riastore.webdavEndpoint'

/** How a store behind WebDAV was named, as far as it decides whose password goes there. */
export interface WebdavUse {
  readonly location: StoreLocation
  readonly git: GitConfig
  /** The user gave its address to this very command, or has it in the clone's configuration. */
  readonly isNamed: boolean
  /** The git remote through which it is used, as far as it is known. */
  readonly remote: string | undefined
  /** What git-annex keeps for the remote. */
  readonly kept: () => Promise<Login | undefined>
}

/** The server of a store behind WebDAV, as the origin of its URL. */
export function webdavServerOf(location: StoreLocation): string | undefined {
  const isWebdav = location.scheme === 'dav' || location.scheme === 'davs'
  return isWebdav ? new URL(location.url).origin : undefined
}

/**
 * A server as settings name it, `https://host[:port]`. Throws ConfigError that names the setting.
 */
export function parseWebdavServer(name: string, value: string): string {
  const text = value.replace(/^(?:ria\+)?dav(?=s?:\/\/)/i, 'http')
  const url = /^https?:\/\//i.test(text) && URL.canParse(text) ? new URL(text) : undefined
  if (url !== undefined && url.password === '') return url.origin
  throw new ConfigError(`${name} is not the address of a server, like https://cloud.example.org`)
}

/**
 * Who logs in to a store behind WebDAV; undefined for another store. The address of a store comes
 * with the dataset, and so does that of a repository, as a submodule's. A password of the user is
 * shown to no server but those that the user named, for Basic gives it away; git's credential
 * helpers know themselves whom theirs are for.
 */
export async function webdavLogins({ location, git, isNamed, remote, kept }: WebdavUse): Promise<Logins | undefined> {
  const server = webdavServerOf(location)
  if (server === undefined) return undefined
  const setting = `remote.${remote ?? '<name>'}.riastore-webdav-endpoint`
  const ofRemote = remote === undefined ? [] : git.all(setting).map((value) => parseWebdavServer(setting, value))
  const isOurs = isNamed || ofRemote.includes(server) || serversInConfig(git).has(server)
  const mayHave = isOurs || ofRemote.length === 0
  const login = mayHave ? await kept() : undefined
  if (isOurs || login !== undefined || !process.env.WEBDAV_PASSWORD) return { environment: isOurs, kept: login }
  const how = `git config --global --add ${SETTING} ${server}`
  return { environment: false, notSent: `WEBDAV_PASSWORD is sent to no server that you did not name: ${how} allows it` }
}

/**
 * The servers of WebDAV that the user, or the administrator, named in git's configuration. The URLs
 * of git remotes are none: `git clone` notes there what it is told, and that may be a submodule's.
 */
function serversInConfig(git: GitConfig): ReadonlySet<string> {
  const named = git.all(SETTING.toLowerCase()).map((value) => parseWebdavServer(SETTING, value))
  const found = new Set(named)
  for (const url of urlsInConfig(git, isUsersUrl)) {
    // The slash after the host: of `https://cloud.exam`, a dataset could choose the rest.
    const [, s, host] = /^(?:ria\+)?dav(s?):\/\/(?:[^/?#\\@]*@)?([^/?#\\@]+)\//i.exec(url) ?? []
    const address = `http${s}://${host}`
    if (host !== undefined && URL.canParse(address)) found.add(new URL(address).origin)
  }
  return found
}
