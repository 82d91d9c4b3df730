import { DeleteObjectCommand, GetObjectCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { encodePath } from '../../common/http-wire.ts'
import { companionOf } from '../middleware.ts'

/** A request as it goes out, not signed yet. */
export interface PlainRequest {
  readonly method: 'HEAD' | 'GET' | 'PUT' | 'DELETE'
  /** Percent-encoded, from the slash on. */
  readonly path: string
  readonly headers: Record<string, string>
  readonly content: Uint8Array | undefined
}

const METHODS: ReadonlyMap<unknown, PlainRequest['method']> = new Map<unknown, PlainRequest['method']>([
  [HeadObjectCommand, 'HEAD'],
  [GetObjectCommand, 'GET'],
  [PutObjectCommand, 'PUT'],
  [DeleteObjectCommand, 'DELETE'],
])

/** Members of commands that are a header each (Amazon S3 API Reference, PutObject, GetObject). */
const HEADERS: Readonly<Record<string, string>> = {
  Range: 'range',
  IfNoneMatch: 'if-none-match',
  ContentLength: 'content-length',
  StorageClass: 'x-amz-storage-class',
  ACL: 'x-amz-acl',
  ServerSideEncryption: 'x-amz-server-side-encryption',
  SSEKMSKeyId: 'x-amz-server-side-encryption-aws-kms-key-id',
}

/**
 * The request that one of the SDK's commands stands for. Undefined for one that is left to the SDK:
 * of another kind, with content that is a stream, or with anything that we do not know.
 */
export function plainRequest(command: { readonly input: object }): PlainRequest | undefined {
  const method = METHODS.get(command.constructor)
  if (method === undefined) return undefined
  const { Bucket, Key, Body, ...others } = command.input as Readonly<Record<string, unknown>>
  if (typeof Bucket !== 'string' || typeof Key !== 'string') return undefined
  if (Body !== undefined && !(Body instanceof Uint8Array)) return undefined
  const { payloadHash, md5, onAnswer } = companionOf(command.input)
  if (md5 === true || onAnswer !== undefined) return undefined
  const headers: Record<string, string> = Body === undefined ? {} : { 'content-type': 'application/octet-stream' }
  for (const [member, value] of Object.entries(others)) {
    if (value === undefined) continue
    const header = HEADERS[member]
    if (header === undefined) return undefined
    headers[header] = String(value)
  }
  if (payloadHash !== undefined) headers['x-amz-content-sha256'] = payloadHash
  if (md5 !== undefined) headers['content-md5'] = md5
  return { method, path: plainPath(Bucket, Key), headers, content: Body }
}

/** The path of an object, as `PlainRequest` has it. */
export function plainPath(bucket: string, key: string): string {
  return `/${encodePath(`${bucket}/${key}`)}`
}
