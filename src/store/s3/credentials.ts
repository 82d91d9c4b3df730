import { HeadBucketCommand, S3Client } from '@aws-sdk/client-s3'
import type { S3Credentials, S3Settings } from './client.ts'

/**
 * Credentials as settings for a store. Without: the store asks AWS's chain, and tells what is
 * wrong.
 */
export type FoundCredentials = Pick<S3Settings, 'credentials'>

/**
 * Finds credentials: first where somebody put them for this (environment, configuration files, SSO,
 * a container), then `kept` ones, and last, for it takes a second where there is none, with the
 * role of the cloud instance that we run on. Each place is asked once: what the chain gave is
 * handed on, and asked for anew only when it expires. The store is left to ask for a profile that
 * was named, for keys in the environment, and for credentials that cannot be got just now. Rejects
 * as `kept` does.
 */
export async function findCredentials(
  profile: string | undefined,
  kept: () => Promise<S3Credentials | undefined>,
): Promise<FoundCredentials> {
  if (isChosen(profile)) return {}
  const given = await withoutInstance(askChain)
  if (given !== undefined) return given
  const credentials = await kept()
  if (credentials !== undefined) return { credentials }
  return (await askChain()) ?? { credentials: 'none' }
}

/** Whether there are any where somebody put them for this. Looks at no cloud instance. */
export async function hasCredentials(profile: string | undefined): Promise<boolean> {
  return isChosen(profile) || (await withoutInstance(askChain)) !== undefined
}

/** Where they come from was said, so there is nothing to look for. */
function isChosen(profile: string | undefined): boolean {
  const { AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = process.env
  return Boolean(profile || AWS_PROFILE || (AWS_ACCESS_KEY_ID && AWS_SECRET_ACCESS_KEY))
}

/**
 * The server that AWS's own configuration names, as the origin of its URL: AWS_ENDPOINT_URL_S3 and
 * its like in the environment, `endpoint_url` in the configuration files. AWS's own server where
 * nothing is named; undefined where the configuration cannot be read. Sends nothing.
 */
export async function configuredEndpoint(profile: string | undefined): Promise<string | undefined> {
  const credentials = { accessKeyId: '', secretAccessKey: '' }
  const client = new S3Client({ region: 'us-east-1', forcePathStyle: true, credentials, ...(profile && { profile }) })
  let found: string | undefined
  // The SDK's own way to it, up to where the request would leave.
  const look = () => async (step: { readonly request: unknown }) => {
    const { protocol, hostname, port } = step.request as { protocol: string; hostname: string; port?: number }
    found = new URL(`${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`).origin
    throw new Error('nothing is sent')
  }
  client.middlewareStack.add(look as never, { step: 'build', priority: 'high' } as never)
  await client.send(new HeadBucketCommand({ Bucket: 'bucket' })).catch(() => {})
  client.destroy()
  return found
}

/** Undefined: AWS's standard chain has none. Never rejects. */
async function askChain(): Promise<FoundCredentials | undefined> {
  // It would print a warning about the version of node into git-annex's output.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
  const client = new S3Client({ region: 'us-east-1' })
  const { credentials } = client.config
  try {
    await credentials()
    return { credentials: () => credentials() }
  } catch (error) {
    const isEmpty = error instanceof Error && /^Could not load credentials from any providers/.test(error.message)
    return isEmpty ? undefined : {}
  } finally {
    client.destroy()
  }
}

const SWITCH = 'AWS_EC2_METADATA_DISABLED'

/** AWS's library looks for this switch whenever it is asked. */
async function withoutInstance<T>(work: () => Promise<T>): Promise<T> {
  const { [SWITCH]: before } = process.env
  process.env[SWITCH] = 'true'
  try {
    return await work()
  } finally {
    if (before === undefined) delete process.env[SWITCH]
    else process.env[SWITCH] = before
  }
}
