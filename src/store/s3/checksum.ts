import type { S3Calls } from './calls.ts'
import { refusalOf } from './errors.ts'
import { md5 } from './middleware.ts'

/**
 * Sends content with this checksum, if any, and tells how much of it went out. Throws what the SDK
 * does.
 */
type Send<T> = (md5: string | undefined, onSent: (bytes: number) => void) => Promise<T>

/**
 * Sends content, with a checksum once the server has said that it takes none without, as it does
 * for a bucket that locks its objects by default. By Content-MD5, which every server knows, for a
 * PUT as for a part. To compute it for everybody would cost time, and over https the content is
 * protected on its way.
 */
export async function withChecksumIfWanted<T>(
  calls: S3Calls,
  content: Uint8Array,
  onSent: (bytes: number) => void,
  send: Send<T>,
): Promise<T> {
  let sent = 0
  const onContentSent = (bytes: number) => {
    sent += bytes
    onSent(bytes)
  }
  const withChecksum = calls.wantsChecksums // others, sent at the same time, may find it out meanwhile
  try {
    return await send(withChecksum ? md5(content) : undefined, onContentSent)
  } catch (error) {
    if (withChecksum || !asksForChecksum(error)) throw error
  }
  calls.wantsChecksums = true
  if (sent > 0) onSent(-sent)
  return send(md5(content), onSent)
}

/** Amazon and Ceph say InvalidRequest, and why in words only; MinIO has a code for it. */
function asksForChecksum(error: unknown): boolean {
  const { status, code, message = '' } = refusalOf(error) ?? {}
  if (status !== 400) return false
  return (
    code === 'MissingContentMD5' ||
    (/^Invalid(Request|Argument)$/.test(code ?? '') && /content-md5|x-amz-checksum/i.test(message))
  )
}
