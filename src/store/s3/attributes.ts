import type { ObjectCannedACL, ServerSideEncryption, StorageClass } from '@aws-sdk/client-s3'
import type { FileHeaders } from '../file-headers.ts'

/** How new objects are kept, as far as that is not left to the server. */
export interface ObjectSettings {
  readonly storageClass?: string | undefined
  /** Smaller objects get no storage class of their own. Default SMALL_BYTES. Bytes. */
  readonly storageClassMinBytes?: number | undefined
  /** A canned ACL. */
  readonly acl?: string | undefined
  /** `AES256`, `aws:kms`, … */
  readonly encryption?: string | undefined
  /** Of the key management service, for `aws:kms`. */
  readonly encryptionKey?: string | undefined
}

/** What a request that makes an object says of it (Amazon S3 API Reference, PutObject). */
export interface ObjectAttributes {
  readonly StorageClass?: StorageClass
  readonly ACL?: ObjectCannedACL
  readonly ServerSideEncryption?: ServerSideEncryption
  readonly SSEKMSKeyId?: string
  readonly ContentType?: string
  readonly CacheControl?: string
}

/**
 * The classes for rarely read data bill smaller objects as if they had this size; what has to be
 * read at once (layouts, marks) is smaller. Bytes.
 */
const SMALL_BYTES = 128 * 1024

/**
 * What a new object of a size is made with. The SDK's types list AWS's words; other servers have
 * others.
 */
export function attributesOf(settings: ObjectSettings, size: number, headers?: FileHeaders): ObjectAttributes {
  const { storageClass, storageClassMinBytes = SMALL_BYTES, acl, encryption, encryptionKey } = settings
  return {
    ...(storageClass !== undefined && size >= storageClassMinBytes && { StorageClass: storageClass as StorageClass }),
    ...(acl !== undefined && { ACL: acl as ObjectCannedACL }),
    ...(encryption !== undefined && { ServerSideEncryption: encryption as ServerSideEncryption }),
    ...(encryptionKey !== undefined && { SSEKMSKeyId: encryptionKey }),
    ...(headers !== undefined && { ContentType: headers.type, CacheControl: headers.caching }),
  }
}
