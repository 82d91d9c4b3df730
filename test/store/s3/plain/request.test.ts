import { Readable } from 'node:stream'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import { withCompanion } from '../../../../src/store/s3/middleware.ts'
import { plainRequest } from '../../../../src/store/s3/plain/request.ts'

const object = { Bucket: 'b', Key: 'a b/ü(1)~.nii' }
const path = '/b/a%20b/%C3%BC%281%29~.nii'

test('a look, a read and a removal of one object are plain requests', () => {
  const none = { headers: {}, content: undefined }
  expect(plainRequest(new HeadObjectCommand(object))).toEqual({ method: 'HEAD', path, ...none })
  expect(plainRequest(new DeleteObjectCommand(object))).toEqual({ method: 'DELETE', path, ...none })
  expect(plainRequest(new GetObjectCommand({ ...object, Range: 'bytes=0-9' }))).toEqual({
    method: 'GET',
    path,
    headers: { range: 'bytes=0-9' },
    content: undefined,
  })
})

test('a plain PUT says of the object what the SDK would say', () => {
  const Body = Buffer.from('content')
  const put = new PutObjectCommand({
    ...object,
    Body,
    ContentLength: 7,
    IfNoneMatch: '*',
    StorageClass: 'STANDARD_IA',
    ACL: 'private',
    ServerSideEncryption: 'aws:kms',
    SSEKMSKeyId: 'k',
  })
  expect(plainRequest(withCompanion(put, { payloadHash: 'h', md5: 'm' }))).toEqual({
    method: 'PUT',
    path,
    headers: {
      'content-type': 'application/octet-stream',
      'content-length': '7',
      'if-none-match': '*',
      'x-amz-storage-class': 'STANDARD_IA',
      'x-amz-acl': 'private',
      'x-amz-server-side-encryption': 'aws:kms',
      'x-amz-server-side-encryption-aws-kms-key-id': 'k',
      'x-amz-content-sha256': 'h',
      'content-md5': 'm',
    },
    content: Body,
  })
})

test('what is not plain is left to the SDK', () => {
  for (const command of [
    new ListObjectsV2Command({ Bucket: 'b' }),
    new PutObjectCommand({ ...object, Body: Readable.from(['streamed']) }),
    new PutObjectCommand({ ...object, Body: Buffer.alloc(1), Metadata: { a: 'b' } }),
    new DeleteObjectCommand({ ...object, VersionId: '1' }),
    new GetObjectCommand({ ...object, ResponseContentDisposition: 'attachment' }),
  ]) {
    expect(plainRequest(command)).toBeUndefined()
  }
})
