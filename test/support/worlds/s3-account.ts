import { vi } from 'vitest'
import type { S3Account } from '../servers/ceph-rgw.ts'

/** Whose credentials the program finds; nobody's: it signs nothing. */
export function use(account: S3Account | undefined): void {
  for (const name of ['SESSION_TOKEN', 'PROFILE', 'REGION', 'DEFAULT_REGION']) vi.stubEnv(`AWS_${name}`, undefined)
  vi.stubEnv('AWS_ACCESS_KEY_ID', account?.accessKeyId)
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', account?.secretAccessKey)
  vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
  for (const name of ['CONFIG_FILE', 'SHARED_CREDENTIALS_FILE']) vi.stubEnv(`AWS_${name}`, '/nonexistent')
}
