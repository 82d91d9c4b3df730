import { S3Client } from '@aws-sdk/client-s3'

/**
 * Whether AWS's standard chain (environment, configuration files, SSO, instance) has credentials. A profile that was named counts, and so
 * do credentials that cannot be got just now: who set them up is told what is wrong with them. Never rejects.
 */
export async function hasAwsCredentials(profile: string | undefined): Promise<boolean> {
  const { AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = process.env
  if (profile || AWS_PROFILE || (AWS_ACCESS_KEY_ID && AWS_SECRET_ACCESS_KEY)) return true
  // It would print a warning about the version of node into git-annex's output.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true'
  const client = new S3Client({ region: 'us-east-1' })
  try {
    await client.config.credentials()
    return true
  } catch (error) {
    return !(error instanceof Error && /^Could not load credentials from any providers/.test(error.message))
  } finally {
    client.destroy()
  }
}
