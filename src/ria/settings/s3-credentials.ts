import type { OpenSettings } from '../../store/open.ts'
import { isOfAws } from './s3-endpoints.ts'
import type { RemoteConfig, StoreUrl } from './settings.ts'

/**
 * A special remote whose store lies in S3, as far as it decides whose keys its requests are signed
 * with.
 */
export interface S3Remote {
  readonly config: Pick<RemoteConfig, 's3' | 's3Endpoints'>
  /** The store's, or that to write through. */
  readonly url: StoreUrl
  /** Of the git remote, as far as it is known. */
  readonly name: string | undefined
  /** It is being made by this very command, which gave the URL. */
  readonly isNew: boolean
  /** The keys that git-annex keeps for it. */
  readonly kept: () => Promise<{ readonly accessKeyId: string; readonly secretAccessKey: string } | undefined>
}

/** The server of a store in S3, as the origin of its URL. */
export function endpointOf({ location }: Pick<StoreUrl, 'location'>): string | undefined {
  return 'endpoint' in location ? new URL(location.endpoint).origin : undefined
}

/**
 * The settings of a store in S3 with the credentials of AWS's own places, or those that git-annex
 * keeps; where there are none, requests are not signed. What is found here belongs to the user, and
 * goes only to a server that the user named: the URL of a remote comes with the dataset.
 */
export async function s3Settings({ config, url, name, isNew, kept }: S3Remote): Promise<OpenSettings['s3']> {
  const { s3, s3Endpoints } = config
  const { configuredEndpoint, findCredentials, hasCredentials } = await import('../../store/s3/credentials.ts')
  const endpoint = endpointOf(url) ?? ''
  const isNamed =
    isNew ||
    url.isLocal ||
    s3Endpoints.named.has(endpoint) ||
    isOfAws(endpoint) ||
    (await configuredEndpoint(s3.profile)) === endpoint
  if (isNamed) return { ...s3, ...(await findCredentials(s3.profile, kept)) }
  const credentials = s3Endpoints.ofRemote.size === 0 ? await kept() : undefined
  if (credentials !== undefined) return { ...s3, credentials }
  if (!(await hasCredentials(s3.profile))) return { ...s3, credentials: 'none' }
  const key = `remote.${name ?? '<name>'}.riastore-s3-endpoint`
  const unsigned = `AWS keys of your own are sent to no server that only the dataset names: git config --add ${key} ${endpoint} allows it`
  return { ...s3, credentials: 'none', unsigned }
}
