import { S3Client } from '@aws-sdk/client-s3'
import type { CredentialsProvider } from './s3-client.ts'

/**
 * The credentials of AWS's standard chain (environment, configuration files, SSO, instance), as settings for a store. Undefined: it has none. The chain
 * is gone through once: what it gave is handed on, and asked for anew only when it expires. Nothing is handed on where the store has to ask, and to
 * tell what is wrong: for a profile that was named, keys in the environment, and credentials that cannot be got just now. Never rejects.
 */
export async function findAwsCredentials(
  profile: string | undefined,
): Promise<{ readonly credentials?: CredentialsProvider } | undefined> {
  const { AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = process.env
  if (profile || AWS_PROFILE || (AWS_ACCESS_KEY_ID && AWS_SECRET_ACCESS_KEY)) return {}
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
