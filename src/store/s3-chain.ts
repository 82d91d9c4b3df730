import { S3Client } from '@aws-sdk/client-s3'
import type { S3Credentials, S3Settings } from './s3-client.ts'

/** Credentials as settings for a store. Without: the store asks AWS's chain, and tells what is wrong. */
export type FoundCredentials = Pick<S3Settings, 'credentials'>

/**
 * Finds credentials: first where somebody put them for this (environment, configuration files, SSO, a container), then `kept` ones, and last, for it takes a second
 * where there is none, with the role of the cloud instance that we run on. Each place is asked once: what the chain gave is
 * handed on, and asked for anew only when it expires. The store is left to ask for a profile that was named, for keys in the environment, and for credentials
 * that cannot be got just now. Rejects as `kept` does.
 */
export async function findCredentials(
  profile: string | undefined,
  kept: () => Promise<S3Credentials | undefined>,
): Promise<FoundCredentials> {
  const { AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = process.env
  if (profile || AWS_PROFILE || (AWS_ACCESS_KEY_ID && AWS_SECRET_ACCESS_KEY)) return {}
  const given = await withoutInstance(askChain)
  if (given !== undefined) return given
  const credentials = await kept()
  if (credentials !== undefined) return { credentials }
  return (await askChain()) ?? { credentials: 'none' }
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
